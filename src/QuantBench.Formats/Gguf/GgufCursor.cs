using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using QuantBench.Core.Errors;

namespace QuantBench.Formats.Gguf;

/// <summary>Steps through a GGUF header and can't step past its end.</summary>
internal ref struct GgufCursor
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;

    /// <param name="bytes">The file's first bytes: all of it, or as much as a span can hold.</param>
    /// <param name="file">Path, for messages.</param>
    public GgufCursor(ReadOnlySpan<byte> bytes, string file)
    {
        _bytes = bytes;
        File = file;
    }

    public string File { get; }

    public readonly int Position => _position;

    public readonly ulong Left => (ulong)(_bytes.Length - _position);

    public uint ReadUInt32(GgufPlace what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public ulong ReadUInt64(GgufPlace what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    public string ReadName(GgufPlace what, int maxBytes)
    {
        int at = _position;
        ulong length = ReadUInt64(what);
        if (length > (ulong)maxBytes) throw Error(at, $"{what} claims {length} bytes; at most {maxBytes} are allowed.");
        ReadOnlySpan<byte> text = Take((int)length, what);
        return Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : throw Error(at, $"{what} is not valid UTF-8.");
    }

    public string ReadText(GgufPlace what)
    {
        int at = _position;
        ulong length = ReadUInt64(what);
        if (length > GgufConstants.MaxStringBytes || length > Left)
            throw Error(at, $"{what} claims {length} bytes, but {Left} are left in the file.");

        // Bytes that aren't UTF-8 become U+FFFD, as real files hold such texts in places nobody reads.
        return Encoding.UTF8.GetString(Take((int)length, what));
    }

    public ReadOnlySpan<byte> Take(int length, GgufPlace what)
    {
        if ((ulong)length > Left) throw Error(_position, $"the file ends inside {what}: {length} bytes are needed, {Left} are left.");
        ReadOnlySpan<byte> taken = _bytes.Slice(_position, length);
        _position += length;
        return taken;
    }

    public readonly ModelFormatException Error(long offset, string problem) => new(File, offset, problem, GgufConstants.DamagedHint);
}
