using System.Text;

namespace QuantBench.TestKit;

/// <summary>
/// Puts GGUF files together field by field, right or wrong, without the code under test. Layout (little-endian): magic, version (u32),
/// tensor count (u64), metadata count (u64); per entry: key, type (u32), value; per tensor: name, dimension count (u32), sizes (u64 each),
/// type (u32), offset (u64); zeros up to the alignment; data.
/// </summary>
public sealed class TinyGguf
{
    private readonly List<byte> _entries = [];
    private readonly List<byte> _tensors = [];
    private readonly List<byte> _data = [];
    private ulong _entryCount;
    private ulong _tensorCount;

    /// <summary>Version field.</summary>
    public uint Version { get; init; } = 3;

    /// <summary>What data and tensors are padded to.</summary>
    public uint Alignment { get; init; } = 32;

    /// <summary>Tensor count to claim; null = the truth.</summary>
    public ulong? ClaimedTensors { get; init; }

    /// <summary>Metadata count to claim; null = the truth.</summary>
    public ulong? ClaimedEntries { get; init; }

    /// <summary>A small valid file: one entry of every kind that matters and three tensors.</summary>
    public static byte[] Build() => new TinyGguf()
        .Text("general.architecture", "llama")
        .UInt32("general.file_type", 0)
        .Entry("a.bool", 7, [1])
        .Entry("a.float", 6, BitConverter.GetBytes(0.5f))
        .Entry("a.double", 12, BitConverter.GetBytes(-2.5))
        .Entry("a.long", 11, BitConverter.GetBytes(-5L))
        .Strings("tokenizer.ggml.tokens", "a", "bc", "")
        .Array("a.ints", 5, 2, [1, 0, 0, 0, 2, 0, 0, 0])
        .Tensor("first.weight", 0, [3, 2], new byte[24])
        .Tensor("second.weight", 8, [32], new byte[34])
        .Tensor("third.weight", 1, [1], [0, 60])
        .ToArray();

    /// <summary>Adds an entry.</summary>
    public TinyGguf Entry(string key, uint type, ReadOnlySpan<byte> value)
    {
        WriteText(_entries, key);
        _entries.AddRange(BitConverter.GetBytes(type));
        _entries.AddRange(value);
        _entryCount++;
        return this;
    }

    /// <summary>Adds a string.</summary>
    public TinyGguf Text(string key, string value)
    {
        var bytes = new List<byte>();
        WriteText(bytes, value);
        return Entry(key, 8, [.. bytes]);
    }

    /// <summary>Adds a 32-bit number.</summary>
    public TinyGguf UInt32(string key, uint value) => Entry(key, 4, BitConverter.GetBytes(value));

    /// <summary>Adds an array: element type, count (u64), elements.</summary>
    public TinyGguf Array(string key, uint elementType, ulong count, ReadOnlySpan<byte> elements) =>
        Entry(key, 9, [.. BitConverter.GetBytes(elementType), .. BitConverter.GetBytes(count), .. elements]);

    /// <summary>Adds an array of strings.</summary>
    public TinyGguf Strings(string key, params string[] values)
    {
        var bytes = new List<byte>();
        foreach (string value in values) WriteText(bytes, value);
        return Array(key, 8, (ulong)values.Length, [.. bytes]);
    }

    /// <summary>Adds a tensor and its data, padded.</summary>
    /// <param name="name">Name.</param>
    /// <param name="type">Type id.</param>
    /// <param name="sizes">Sizes, contiguous dimension first.</param>
    /// <param name="data">Data; not checked against the sizes.</param>
    /// <param name="offset">Offset to claim; null = the truth.</param>
    public TinyGguf Tensor(string name, uint type, ulong[] sizes, ReadOnlySpan<byte> data, ulong? offset = null)
    {
        WriteText(_tensors, name);
        _tensors.AddRange(BitConverter.GetBytes((uint)sizes.Length));
        foreach (ulong size in sizes) _tensors.AddRange(BitConverter.GetBytes(size));
        _tensors.AddRange(BitConverter.GetBytes(type));
        _tensors.AddRange(BitConverter.GetBytes(offset ?? (ulong)_data.Count));
        _data.AddRange(data);
        Pad(_data);
        _tensorCount++;
        return this;
    }

    /// <summary>The file.</summary>
    public byte[] ToArray()
    {
        var file = new List<byte>();
        file.AddRange("GGUF"u8);
        file.AddRange(BitConverter.GetBytes(Version));
        file.AddRange(BitConverter.GetBytes(ClaimedTensors ?? _tensorCount));
        file.AddRange(BitConverter.GetBytes(ClaimedEntries ?? _entryCount));
        file.AddRange(_entries);
        file.AddRange(_tensors);
        Pad(file);
        file.AddRange(_data);
        return [.. file];
    }

    private static void WriteText(List<byte> stream, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        stream.AddRange(BitConverter.GetBytes((ulong)bytes.Length));
        stream.AddRange(bytes);
    }

    private void Pad(List<byte> stream)
    {
        while (stream.Count % Alignment != 0) stream.Add(0);
    }
}
