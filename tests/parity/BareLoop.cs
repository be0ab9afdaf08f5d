using System.Diagnostics;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Inference.Engines;

namespace QuantBench.Parity;

/// <summary>llama.cpp's C calls and nothing around them: what a binding is measured against.</summary>
internal static unsafe class BareLoop
{
    /// <summary>Its engine name in backend ids.</summary>
    public const string Name = "bare";

    /// <summary>Serves until the input ends.</summary>
    /// <param name="environment">Where the native build is found.</param>
    /// <param name="path">GGUF file.</param>
    /// <param name="threads">Threads.</param>
    public static int Serve(EngineEnvironment environment, string path, int threads)
    {
        LlamaLibrary.Load(LlamaInstallation.Locate(environment));
        llama_model_params parameters = NativeParameters.Model();
        parameters.n_gpu_layers = 0;
        parameters.load_mode = llama_load_mode.MMAP;
        using SafeLlamaModel model = NativeParameters.Load(path, parameters);
        llama_context_params wanted = NativeParameters.Context();
        wanted.n_ctx = SpeedWorker.Prompt + SpeedWorker.Generate;
        (wanted.n_threads, wanted.n_threads_batch) = (threads, threads);
        using SafeLlamaContext context = NativeParameters.Start(model, wanted);
        nint memory = NativeMethods.llama_get_memory(context);
        int vocabulary = NativeMethods.llama_vocab_n_tokens(NativeMethods.llama_model_get_vocab(model));
        llama_batch batch = NativeMethods.llama_batch_init(SpeedWorker.Prompt, 0, 1);
        var random = new Random(1);
        return SpeedWorker.Answer((tokens, batches) =>
        {
            NativeMethods.llama_memory_clear(memory, data: false);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < batches; i++)
            {
                for (int t = 0; t < tokens; t++)
                {
                    batch.token[t] = random.Next(vocabulary);
                    batch.pos[t] = (i * tokens) + t;
                    batch.n_seq_id[t] = 1;
                    batch.seq_id[t][0] = 0;
                    batch.logits[t] = t == tokens - 1 ? (sbyte)1 : (sbyte)0;
                }

                batch.n_tokens = tokens;
                if (NativeMethods.llama_decode(context, batch) != DecodeStatus.Ok)
                    throw new InvalidOperationException("llama_decode failed");
                NativeMethods.llama_synchronize(context);
                if (NativeMethods.llama_get_logits(context) == null) throw new InvalidOperationException("llama.cpp gave no logits");
            }

            return tokens * batches / Stopwatch.GetElapsedTime(start).TotalSeconds;
        });
    }
}
