using QuantBench.Core.Errors;

namespace QuantBench.Formats.Tokenizers;

/// <summary>Turns text into a model's token ids; the one place where that happens, for all engines.</summary>
public interface ITextTokenizer
{
    /// <summary>SHA-256 of everything that decides the ids: vocabulary, merges, pre-tokenizer, added tokens.</summary>
    string Sha256 { get; }

    /// <summary>Number of token ids.</summary>
    int VocabularySize { get; }

    /// <summary>BOS token that the model's tokenizer puts in front of a text; null when it adds none.</summary>
    int? BosToken { get; }

    /// <summary>Token ids of a text, without special tokens put around it; text that looks like a special token is plain text.</summary>
    /// <param name="text">Any text.</param>
    int[] Encode(string text);

    /// <summary>UTF-8 bytes of text that a token stands for; 0 for special tokens.</summary>
    /// <param name="token">Token id.</param>
    int ByteLength(int token);

    /// <summary>The text that a token stands for as UTF-8, <see cref="ByteLength"/> bytes; it may begin or end within a
    /// character.</summary>
    /// <param name="token">Token id.</param>
    /// <exception cref="UnsupportedException">This tokenizer doesn't say.</exception>
    byte[] Bytes(int token) =>
        throw new UnsupportedException(null, "this tokenizer doesn't say which text its tokens stand for, which generated answers need");
}
