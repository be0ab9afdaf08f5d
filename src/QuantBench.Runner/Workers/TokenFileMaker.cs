using QuantBench.Formats.Tokenizers;

namespace QuantBench.Runner.Workers;

/// <summary>Makes token files.</summary>
internal static class TokenFileMaker
{
    /// <summary>Tokenizes a text and writes its token file.</summary>
    /// <param name="path">Where to; its directory exists.</param>
    /// <param name="text">The text.</param>
    /// <param name="textSha256">SHA-256 of its UTF-8 bytes.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    public static void Write(string path, string text, string textSha256, ITextTokenizer tokenizer)
    {
        int[] tokens = tokenizer.Encode(text);
        ushort[] bytes = new ushort[tokens.Length];
        for (int i = 0; i < tokens.Length; i++) bytes[i] = checked((ushort)tokenizer.ByteLength(tokens[i]));
        TokenFile.Write(path, new TokenFileHeader(textSha256, tokenizer.Sha256, tokenizer.BosToken), tokens, bytes);
    }
}
