using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using QuantBench.Core.Machine;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Engines.LLamaSharp;
using QuantBench.Engines.Managed;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Parity;

/// <summary>
/// One engine with one model in a process of its own. It waits for a line on its input (<c>pp</c>, <c>tg</c>, <c>memory</c>), does that
/// piece of work and answers with a number, so that two engines take turns within seconds.
/// </summary>
internal static class SpeedWorker
{
    /// <summary>Tokens of a prompt.</summary>
    public const int Prompt = 512;

    /// <summary>Tokens generated.</summary>
    public const int Generate = 64;

    /// <summary>Stands for the native build that NuGet brings.</summary>
    public const string NuGet = "nuget";

    /// <summary>Serves until the input ends.</summary>
    /// <param name="root">The checkout.</param>
    /// <param name="rival">Directory with llama.cpp's libraries; <see cref="NuGet"/> for those that came with this program.</param>
    /// <param name="backend">A backend id, e.g. <c>managed/avx512</c>.</param>
    /// <param name="path">GGUF file.</param>
    /// <param name="threads">Threads.</param>
    public static int Serve(string root, string rival, string backend, string path, int threads)
    {
        string[] parts = backend.Split('/');
        var environment = new EngineEnvironment
        {
            Log = _ => { },
            Root = rival == NuGet ? AppContext.BaseDirectory : root, // nothing of npm lies there
            NativeDirectories = rival == NuGet ? ImmutableSortedDictionary<string, string>.Empty
                : ImmutableSortedDictionary<string, string>.Empty.Add("llamacpp", rival),
        };
        if (parts[0] == BareLoop.Name) return BareLoop.Serve(environment, path, threads);
        EngineRegistration registration = parts[0] switch
        {
            "managed" => ManagedEngine.Registration,
            "llamasharp" => LLamaSharpEngine.Registration,
            _ => LlamaCppEngine.Registration,
        };
        using IEngine engine = registration.Create(environment);
        Artifact artifact = Describe(path);
        using ILoadedModel model =
            ((ILogitsEngine)engine).Load(artifact, parts[1], new LoadOptions { Threads = threads }, CancellationToken.None);
        using IInferenceSession session = model.CreateSession(new SessionOptions { ContextLength = Prompt + Generate, Threads = threads });
        var random = new Random(1);
        var batch = new TokenBatch();
        return Answer((tokens, batches) => Run(session, batch, random, model.VocabularySize, tokens, batches));
    }

    /// <summary>Answers requests until the input ends.</summary>
    /// <param name="run">Appends so many batches of so many tokens to an empty cache; gives tokens per second.</param>
    internal static int Answer(Func<int, int, double> run)
    {
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } request)
        {
            double answer = request switch
            {
                "pp" => run(Prompt, 1),
                "tg" => run(1, Generate),
                _ => ProcessMemory.Read().PeakResidentBytes ?? double.NaN,
            };
            Console.WriteLine(answer.ToString("R", CultureInfo.InvariantCulture));
        }

        return 0;
    }

    private static Artifact Describe(string path)
    {
        using GgufReader file = GgufReader.Open(path);
        return new Artifact(path, Variant.Parse("gguf:F32"), new string('0', 64), new FileInfo(path).Length, file.TensorBytes,
            file.ParameterCount);
    }

    /// <summary>Appends batches to an empty cache; only the last token of each wants logits.</summary>
    /// <returns>Tokens per second.</returns>
    private static double Run(IInferenceSession session, TokenBatch batch, Random random, int vocabulary, int tokens, int batches)
    {
        session.Reset();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < batches; i++)
        {
            batch.Clear();
            for (int t = 0; t < tokens; t++) batch.Add(random.Next(vocabulary), 0, t == tokens - 1);
            session.Append(batch, CancellationToken.None);
        }

        return tokens * batches / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
