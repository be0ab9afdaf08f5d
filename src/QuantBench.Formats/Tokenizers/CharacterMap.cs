using System.Buffers.Binary;

namespace QuantBench.Formats.Tokenizers;

/// <summary>
/// SentencePiece's <c>precompiled_charsmap</c>: which characters are replaced by which. The length of a double array (u32), the array
/// (u32 each, Darts-clone's layout), and the replacements, each ended by a zero byte.
/// </summary>
internal sealed class CharacterMap
{
    private const uint HasLeaf = 1 << 8;
    private const uint IsValue = 1u << 31;

    private readonly uint[] _nodes = [];
    private readonly byte[] _replacements = [];

    /// <param name="bytes">A map without problems; empty for one that replaces nothing.</param>
    public CharacterMap(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        int size = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        _nodes = new uint[size / 4];
        for (int i = 0; i < _nodes.Length; i++) _nodes[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 + (4 * i))..]);
        _replacements = bytes[(4 + size)..].ToArray();
    }

    /// <summary>What is wrong with a map; null for nothing.</summary>
    public static string? Problem(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return null;
        if (bytes.Length < 4) return $"it has {bytes.Length} bytes";
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (size + 4L >= bytes.Length) return $"its array claims {size} of {bytes.Length} bytes";
        if (size % 4 != 0 || size == 0) return $"an array has no {size} bytes";
        return bytes[^1] != 0 ? "its last replacement has no end" : new CharacterMap(bytes).Dangling();
    }

    /// <summary>The longest beginning that is replaced.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="length">Its bytes; 0 when nothing is replaced.</param>
    /// <returns>What stands for it, in UTF-8.</returns>
    public ReadOnlySpan<byte> Match(ReadOnlySpan<byte> text, out int length)
    {
        length = 0;
        if (_nodes.Length == 0) return [];
        int start = 0;
        uint node = Base(_nodes[0]);
        for (int at = 0; at < text.Length && text[at] != 0; at++)
        {
            node ^= text[at];
            uint unit = _nodes[node];
            if (Label(unit) != text[at]) break;
            node ^= Base(unit);
            if ((unit & HasLeaf) == 0) continue;
            length = at + 1;
            start = (int)(_nodes[node] & ~IsValue);
        }

        if (length == 0) return [];
        ReadOnlySpan<byte> rest = _replacements.AsSpan(start);
        return rest[..rest.IndexOf((byte)0)];
    }

    private static uint Base(uint unit) => (unit >> 10) << (int)((unit & (1 << 9)) >> 6);

    private static uint Label(uint unit) => unit & (IsValue | 0xFF);

    /// <summary>Whether some text leads out of the array or the replacements.</summary>
    private string? Dangling()
    {
        var seen = new bool[_nodes.Length];
        var open = new Stack<uint>([Base(_nodes[0])]);
        while (open.TryPop(out uint node))
        {
            // Children lie within 256 places around their base.
            if ((node | 0xFF) >= _nodes.Length) return $"its array leads to place {node | 0xFF} of {_nodes.Length}";
            if (seen[node]) continue;
            seen[node] = true;
            for (uint label = 1; label <= 0xFF; label++)
            {
                uint unit = _nodes[node ^ label];
                if (Label(unit) != label) continue;
                uint next = node ^ label ^ Base(unit);
                open.Push(next);
                if ((unit & HasLeaf) == 0) continue;
                uint start = next < _nodes.Length ? _nodes[next] & ~IsValue : uint.MaxValue;
                if (start >= _replacements.Length) return $"a replacement starts at byte {start} of {_replacements.Length}";
            }
        }

        return null;
    }
}
