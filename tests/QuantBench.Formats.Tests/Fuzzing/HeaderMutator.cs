using System.Buffers.Binary;

namespace QuantBench.Formats.Tests.Fuzzing;

/// <summary>Breaks bytes as damage and malice do: bits flipped, bytes and whole numbers replaced by extreme ones, pieces cut, repeated,
/// moved or mixed up.</summary>
/// <param name="seed">The same seed gives the same mutations.</param>
internal sealed class HeaderMutator(int seed)
{
    private static readonly ulong[] s_numbers =
    [
        0, 1, 2, 7, 31, 32, 63, 64, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x1_0000_0000,
        0x3FFF_FFFF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFE0, 100_000_000,
        1UL << 40,
    ];

    private static readonly byte[] s_text = "0123456789-+.eE{}[]\",:\\u\0\n truefalsnF32BF16I8shape"u8.ToArray();

    private readonly Random _random = new(seed);

    /// <summary>A changed copy.</summary>
    /// <param name="original">What is broken.</param>
    /// <param name="headerBytes">Bytes from the start that matter most; nine of ten changes are there.</param>
    public byte[] Mutate(byte[] original, int headerBytes)
    {
        byte[] bytes = [.. original];
        for (int changes = 1 + _random.Next(4); changes > 0 && bytes.Length > 0; changes--)
            bytes = Change(bytes, Math.Min(headerBytes, bytes.Length));
        return bytes;
    }

    private byte[] Change(byte[] bytes, int headerBytes)
    {
        int at = _random.Next(_random.Next(10) > 0 ? headerBytes : bytes.Length);
        int length = Math.Min(1 + _random.Next(24), bytes.Length - at);
        switch (_random.Next(9))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)_random.Next(256);
                return bytes;
            case 2:
                bytes[at] = s_text[_random.Next(s_text.Length)];
                return bytes;
            case 3 when at + 4 <= bytes.Length:
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), (uint)Number());
                return bytes;
            case 4 when at + 8 <= bytes.Length:
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), Number());
                return bytes;
            case 5:
                return bytes[..at]; // cut off
            case 6:
                return [.. bytes[..at], .. bytes[(at + length)..]]; // cut out
            case 7:
                return [.. bytes[..(at + length)], .. bytes[at..]]; // repeated
            default:
                int from = _random.Next(bytes.Length - length + 1);
                bytes.AsSpan(from, length).ToArray().CopyTo(bytes, at); // moved
                return bytes;
        }
    }

    private ulong Number() => s_numbers[_random.Next(s_numbers.Length)] + (ulong)(_random.Next(4) == 0 ? _random.Next(-2, 3) : 0);
}
