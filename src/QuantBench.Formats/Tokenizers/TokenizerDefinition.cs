using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>What a token is; the numbers are those of <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenType
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Stands for what has no token.</summary>
    Unknown = 2,

    /// <summary>Special; never made from text.</summary>
    Control = 3,

    /// <summary>Added by the model's maker; found in text before anything else is cut.</summary>
    UserDefined = 4,

    /// <summary>A place in the table that nothing uses.</summary>
    Unused = 5,

    /// <summary>A raw byte.</summary>
    Byte = 6,
}

/// <summary>A byte-level BPE tokenizer, wherever it was read from.</summary>
/// <param name="Tokens">Text of each id; normal tokens in the byte-level alphabet.</param>
/// <param name="Types">Type of each id.</param>
/// <param name="Merges">Merges, first to be applied first, as <c>left right</c>.</param>
/// <param name="PreTokenizer">How text is cut first.</param>
/// <param name="BosToken">BOS token that is put in front of a text; null when none is.</param>
public sealed record TokenizerDefinition(
    ImmutableArray<string> Tokens,
    ImmutableArray<TokenType> Types,
    ImmutableArray<string> Merges,
    PreTokenizerKind PreTokenizer,
    int? BosToken)
{
    /// <summary>SHA-256 of all of it in one canonical form, so that a model's own files and a GGUF made from them give the same.</summary>
    public string Sha256()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendText(hash, "quantbench-bpe-1");
        AppendText(hash, PreTokenizers.ToGgufName(PreTokenizer));
        AppendNumber(hash, BosToken ?? -1);
        AppendNumber(hash, Tokens.Length);
        for (int id = 0; id < Tokens.Length; id++)
        {
            AppendNumber(hash, (int)Types[id]);
            AppendText(hash, Tokens[id]);
        }

        AppendNumber(hash, Merges.Length);
        foreach (string merge in Merges) AppendText(hash, merge);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void AppendText(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        AppendNumber(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void AppendNumber(IncrementalHash hash, int number)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(word, number);
        hash.AppendData(word);
    }
}
