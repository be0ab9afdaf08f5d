using System.Text;
using System.Text.RegularExpressions;
using FsCheck.Xunit;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Formats.Tests.Tokenizers;

public class PieceScannerTests
{
    // What the pieces are made of: everything the regexes tell apart, from the basic plane only, where .NET's regexes see whole characters.
    private static readonly string[] Parts =
        ["'", "s", "S", "re", "LL", "a", "é", "中", " ", "  ", "\t", "\n", "\r\n", "\u00A0", "\u3000", "1", "23", "²", "Ⅷ", ".", "!?", "-",
            "\u0301", "€", "\u200B"];

    [Property(MaxTest = 2000)]
    public void Pieces_AreWhatTheRegexMatches(int seed)
    {
        var random = new Random(seed);
        string text = string.Concat(Enumerable.Range(0, random.Next(24)).Select(_ => Parts[random.Next(Parts.Length)]));

        foreach ((PreTokenizerKind kind, string regex) in new[]
        {
            (PreTokenizerKind.Gpt2, PreTokenizers.Gpt2Regex), (PreTokenizerKind.Llama3, PreTokenizers.Llama3Regex),
            (PreTokenizerKind.Qwen2, PreTokenizers.Qwen2Regex),
        })
        {
            string[] expected = [.. Regex.Matches(text, regex, RegexOptions.CultureInvariant).Select(match => match.Value)];
            string[] actual = [.. new PieceScanner(text, kind).Pieces().Select(piece => text.Substring(piece.Start, piece.Length))];
            Assert.True(expected.SequenceEqual(actual), $"{kind} of {text}: {string.Join('|', expected)} but {string.Join('|', actual)}");
        }
    }

    [Fact]
    public void Pieces_TakeLettersOutsideTheBasicPlaneAsLetters() =>
        Assert.Equal([(0, 5), (5, 1)], new PieceScanner("a\U0001D400\U00020000!", PreTokenizerKind.Gpt2).Pieces());

    [Fact]
    public void Pieces_LookAheadOnlyUpToADigit_WhenDigitsAreCutFirst() =>
        Assert.Equal([(0, 1), (1, 2), (3, 1), (4, 1)], new PieceScanner("a  12", PreTokenizerKind.SmolLm).Pieces());

    [Fact]
    public void Encode_MapsEveryByteToItsOwnCharacter()
    {
        Assert.Equal(256, ByteLevel.Alphabet.Distinct().Count());
        Assert.Equal("ĠaÃ©Ċ", ByteLevel.Encode(" aé\n"));
        Assert.Equal(Encoding.UTF8.GetByteCount(" aé\n"), ByteLevel.CountBytes("ĠaÃ©Ċ"));
    }
}
