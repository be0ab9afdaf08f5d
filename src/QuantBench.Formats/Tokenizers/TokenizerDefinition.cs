using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>A tokenizer, wherever it was read from.</summary>
/// <param name="Tokens">Text of each id, as its kind spells it.</param>
/// <param name="Types">Type of each id.</param>
/// <param name="BosToken">BOS token that is put in front of a text; null when none is.</param>
public abstract record TokenizerDefinition(ImmutableArray<string> Tokens, ImmutableArray<TokenType> Types, int? BosToken)
{
    /// <summary>SHA-256 of all of it in one canonical form, so that a model's own files and a GGUF made from them give the same.</summary>
    public string Sha256()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendTo(hash);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Makes the tokenizer.</summary>
    public abstract ITextTokenizer Open();

    /// <summary>Appends everything that decides the ids.</summary>
    /// <param name="hash">What is appended to.</param>
    private protected abstract void AppendTo(IncrementalHash hash);

    /// <summary>Appends the number of tokens, and each token's type and text.</summary>
    private protected void AppendTokens(IncrementalHash hash)
    {
        AppendNumber(hash, Tokens.Length);
        for (int id = 0; id < Tokens.Length; id++)
        {
            AppendNumber(hash, (int)Types[id]);
            AppendText(hash, Tokens[id]);
        }
    }

    private protected static void AppendText(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        AppendNumber(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private protected static void AppendNumber(IncrementalHash hash, int number)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(word, number);
        hash.AppendData(word);
    }
}
