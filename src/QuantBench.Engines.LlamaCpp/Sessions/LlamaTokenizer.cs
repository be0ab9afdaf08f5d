using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>llama.cpp's own tokenizer of a GGUF file: the second opinion that tests compare QuantBench's tokenizers with. Evaluators never
/// use it.</summary>
internal sealed unsafe class LlamaTokenizer : IDisposable
{
    private readonly SafeLlamaModel _model;

    private LlamaTokenizer(SafeLlamaModel model) => _model = model;

    /// <summary>Loads a file's vocabulary, no weights.</summary>
    /// <exception cref="EngineException">llama.cpp refused.</exception>
    public static LlamaTokenizer Load(LlamaLibrary library, string path)
    {
        llama_model_params parameters = NativeParameters.Model();
        parameters.vocab_only = 1;
        using NativeLogCapture capture = library.Log.Capture();
        SafeLlamaModel model = NativeParameters.Load(path, parameters);
        if (!model.IsInvalid) return new LlamaTokenizer(model);
        model.Dispose();
        throw new EngineException($"llama.cpp can't load the vocabulary of {path}: {capture.Words}");
    }

    /// <summary>Token ids of a text, without special tokens around it and with text that looks like a special token as plain
    /// text.</summary>
    public int[] Encode(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int[] tokens = new int[utf8.Length + 1];
        fixed (byte* from = utf8)
        fixed (int* to = tokens)
        {
            int count = NativeMethods.llama_tokenize(
                NativeMethods.llama_model_get_vocab(_model), from, utf8.Length, to, tokens.Length, add_special: false,
                parse_special: false);
            if (count < 0) throw new EngineException($"llama.cpp made more than {tokens.Length} tokens of {utf8.Length} bytes.");
            return tokens[..count];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}
