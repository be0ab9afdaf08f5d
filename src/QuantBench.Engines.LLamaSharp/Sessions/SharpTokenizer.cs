using System.Text;
using LLama.Exceptions;
using LLama.Native;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Engines.LLamaSharp.Native;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LLamaSharp.Sessions;

/// <summary>llama.cpp's tokenizer of a GGUF file through LLamaSharp; the same ids under the same hash as by <c>llamacpp</c> on that
/// build.</summary>
internal sealed class SharpTokenizer : IEngineTokenizer
{
    private readonly SafeLlamaModelHandle _model;

    private SharpTokenizer(SafeLlamaModelHandle model, string path)
    {
        _model = model;
        VocabularySize = model.Vocab.Count;
        BosToken = model.Vocab.ShouldAddBOS && model.Vocab.BOS is { } bos ? (int)bos : null;
        using GgufReader reader = GgufReader.Open(path);
        Sha256 = LlamaTokenizer.Identity(NativeParameters.EarlierCommit, GgufTokenizer.MetadataSha256(reader.Metadata), BosToken,
            VocabularySize, token => (int)((LLamaToken)token).GetAttributes(model.Vocab));
    }

    /// <inheritdoc/>
    public string Sha256 { get; }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int? BosToken { get; }

    /// <summary>Loads a file's vocabulary, no weights.</summary>
    /// <exception cref="QuantBenchException">llama.cpp refused.</exception>
    public static SharpTokenizer Load(LLamaSharpLibrary library, string path)
    {
        LLamaModelParams parameters = LLamaModelParams.Default();
        parameters.vocab_only = true;
        using NativeLogCapture capture = library.Log.Capture();
        try
        {
            return new SharpTokenizer(SafeLlamaModelHandle.LoadFromFile(path, parameters), path);
        }
        catch (Exception e) when (e is LoadWeightsFailedException or RuntimeError)
        {
            throw LlamaModel.Refused(path, capture);
        }
    }

    /// <inheritdoc/>
    public int[] Encode(string text) =>
        text.Length == 0 ? [] : [.. _model.Tokenize(text, false, false, Encoding.UTF8).Select(token => (int)token)];

    /// <inheritdoc/>
    public int ByteLength(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, VocabularySize);
        // Too small a buffer is answered by the length that is needed.
        return (int)_model.TokenToSpan((LLamaToken)token, stackalloc byte[512]);
    }

    /// <inheritdoc/>
    public byte[] Bytes(int token)
    {
        byte[] bytes = new byte[ByteLength(token)];
        if (bytes.Length > 0) _ = _model.TokenToSpan((LLamaToken)token, bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}
