using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Sessions;

/// <summary>llama.cpp's own tokenizer of a GGUF file: for vocabularies that QuantBench's tokenizers don't read, and what tests compare
/// those with.</summary>
internal sealed unsafe class LlamaTokenizer : IEngineTokenizer
{
    private readonly SafeLlamaModel _model;
    private readonly nint _vocabulary;

    private LlamaTokenizer(SafeLlamaModel model, string release, string path)
    {
        _model = model;
        _vocabulary = NativeMethods.llama_model_get_vocab(model);
        VocabularySize = NativeMethods.llama_vocab_n_tokens(_vocabulary);
        int bos = NativeMethods.llama_vocab_bos(_vocabulary);
        BosToken = bos >= 0 && NativeMethods.llama_vocab_get_add_bos(_vocabulary) ? bos : null;
        using GgufReader reader = GgufReader.Open(path);
        Sha256 = Identity(release, GgufTokenizer.MetadataSha256(reader.Metadata), BosToken, VocabularySize,
            token => NativeMethods.llama_vocab_get_attr(_vocabulary, token));
    }

    /// <summary>SHA-256 of llama.cpp's release, of what the file says, and of what llama.cpp made each token.</summary>
    public string Sha256 { get; }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int? BosToken { get; }

    /// <summary>Loads a file's vocabulary, no weights.</summary>
    /// <exception cref="QuantBenchException">llama.cpp refused.</exception>
    public static LlamaTokenizer Load(LlamaLibrary library, string path)
    {
        llama_model_params parameters = NativeParameters.Model();
        parameters.vocab_only = 1;
        using NativeLogCapture capture = library.Log.Capture();
        SafeLlamaModel model = NativeParameters.Load(path, parameters);
        if (!model.IsInvalid) return new LlamaTokenizer(model, library.Release, path);
        model.Dispose();
        throw LlamaModel.Refused(path, capture);
    }

    /// <inheritdoc/>
    public int[] Encode(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int[] tokens = new int[utf8.Length + 16];
        int count = Encode(utf8, tokens);
        // A prefix or a normalizer can make more tokens than there are bytes.
        if (count is < 0 and > int.MinValue) count = Encode(utf8, tokens = new int[-count]);
        return count >= 0 ? tokens[..count]
            : throw new EngineException($"llama.cpp can't tokenize a text of {utf8.Length} bytes at once.", "Use a shorter text.");
    }

    /// <inheritdoc/>
    public int ByteLength(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, VocabularySize);
        const int Size = 512;
        byte* piece = stackalloc byte[Size];
        // Too small a buffer is answered by the length that is needed, negated.
        return Math.Abs(NativeMethods.llama_token_to_piece(_vocabulary, token, piece, Size, lstrip: 0, special: false));
    }

    /// <inheritdoc/>
    public byte[] Bytes(int token)
    {
        byte[] bytes = new byte[ByteLength(token)];
        fixed (byte* to = bytes)
        {
            if (bytes.Length > 0)
                _ = NativeMethods.llama_token_to_piece(_vocabulary, token, to, bytes.Length, lstrip: 0, special: false);
        }

        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    /// <summary>SHA-256 of llama.cpp's release, of what a file says, and of what llama.cpp made each token.</summary>
    internal static string Identity(string release, string metadata, int? bosToken, int vocabularySize, Func<int, int> attributes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"llama.cpp-vocabulary-1\n{release}\n{metadata}\n{bosToken}\n{vocabularySize}\n"));
        Span<byte> word = stackalloc byte[4];
        for (int token = 0; token < vocabularySize; token++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(word, attributes(token));
            hash.AppendData(word);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private int Encode(byte[] utf8, int[] tokens)
    {
        fixed (byte* from = utf8)
        fixed (int* to = tokens)
        {
            byte none = 0;
            return NativeMethods.llama_tokenize(
                _vocabulary, utf8.Length == 0 ? &none : from, utf8.Length, to, tokens.Length, add_special: false, parse_special: false);
        }
    }
}
