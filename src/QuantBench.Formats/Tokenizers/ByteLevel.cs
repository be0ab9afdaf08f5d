using System.Collections.Immutable;
using System.Text;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// GPT-2's alphabet: each byte is a visible character. Printable Latin-1 stands for itself; the other 68 bytes are U+0100 and up, in order.
/// </summary>
public static class ByteLevel
{
    private static readonly ImmutableArray<char> ToChar = BuildAlphabet();

    // From U+0000 to U+0143: which byte a character stands for, or −1.
    private static readonly ImmutableArray<short> ToByte = Invert(ToChar);

    /// <summary>The characters of bytes 0 to 255.</summary>
    public static ImmutableArray<char> Alphabet => ToChar;

    /// <summary>The text's UTF-8 bytes as characters of the alphabet.</summary>
    public static string Encode(ReadOnlySpan<char> text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text.ToArray());
        return string.Create(bytes.Length, bytes, (chars, source) =>
        {
            for (int i = 0; i < chars.Length; i++) chars[i] = ToChar[source[i]];
        });
    }

    /// <summary>How many bytes of text a token stands for; characters outside the alphabet count as their own UTF-8.</summary>
    public static int CountBytes(string token)
    {
        int count = 0;
        foreach (Rune rune in token.EnumerateRunes())
            count += rune.Value < ToByte.Length && ToByte[rune.Value] >= 0 ? 1 : rune.Utf8SequenceLength;
        return count;
    }

    /// <summary>The bytes of text that a token stands for, <see cref="CountBytes"/> of them; characters outside the alphabet are their own
    /// UTF-8.</summary>
    public static byte[] Bytes(string token)
    {
        byte[] bytes = new byte[CountBytes(token)];
        int at = 0;
        foreach (Rune rune in token.EnumerateRunes())
        {
            if (rune.Value < ToByte.Length && ToByte[rune.Value] >= 0) bytes[at++] = (byte)ToByte[rune.Value];
            else at += rune.EncodeToUtf8(bytes.AsSpan(at));
        }

        return bytes;
    }

    /// <summary>The bytes of text that a token stands for; null when it has characters outside the alphabet.</summary>
    public static byte[]? Decode(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        byte[] bytes = new byte[token.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (token[i] >= ToByte.Length || ToByte[token[i]] < 0) return null;
            bytes[i] = (byte)ToByte[token[i]];
        }

        return bytes;
    }

    private static ImmutableArray<char> BuildAlphabet()
    {
        var alphabet = ImmutableArray.CreateBuilder<char>(256);
        int next = 0x100;
        for (int value = 0; value < 256; value++)
        {
            alphabet.Add(value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)value : (char)next++);
        }

        return alphabet.MoveToImmutable();
    }

    private static ImmutableArray<short> Invert(ImmutableArray<char> alphabet)
    {
        short[] bytes = new short[alphabet.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < alphabet.Length; value++) bytes[alphabet[value]] = (short)value;
        return [.. bytes];
    }
}
