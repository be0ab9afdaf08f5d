using QuantBench.Formats.Tokenizers;

namespace QuantBench.Inference.Tests.Tasks;

/// <summary>A tokenizer of the toy engine's 37 tokens: the letters, the digits 0 to 7, a space, a line's end, and a special one.</summary>
internal sealed class ToyTokenizer(int? bos = null) : ITextTokenizer
{
    public const string Alphabet = "abcdefghijklmnopqrstuvwxyz01234567 \n";

    public string Sha256 => "toy-letters";

    public int VocabularySize => Alphabet.Length + 1;

    public int? BosToken => bos;

    public int[] Encode(string text) => [.. text.Select(c => Alphabet.IndexOf(c))];

    public int ByteLength(int token) => token < Alphabet.Length ? 1 : 0;

    public byte[] Bytes(int token) => token < Alphabet.Length ? [(byte)Alphabet[token]] : [];
}
