using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace QuantBench.Formats.Gguf;

/// <summary>A tensor that will be written.</summary>
/// <param name="Name">Name of at most 63 UTF-8 bytes.</param>
/// <param name="Type">Element type.</param>
/// <param name="Dimensions">0 to 4 sizes, the contiguous dimension first.</param>
public sealed record GgufTensorSpec(string Name, GgmlType Type, ImmutableArray<long> Dimensions)
{
    /// <summary>Bytes, without padding.</summary>
    public long ByteSize =>
        Dimensions.Contains(0) ? 0 : GgmlTypes.ByteSize(Type, Dimensions.Aggregate(1L, (product, size) => checked(product * size)));
}

/// <summary>
/// Writes a GGUF v3 file front to back: the header at once, then the tensors' bytes in order, in pieces of any size, so that no more
/// than a piece is ever in memory.
/// </summary>
public sealed class GgufWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly ImmutableArray<GgufTensorSpec> _tensors;
    private readonly uint _alignment;
    private int _tensor = -1;
    private long _left;

    /// <summary>Writes the header.</summary>
    /// <param name="stream">Where to, from its current position; closed by <see cref="Dispose"/>.</param>
    /// <param name="metadata">Keys and values, written in order.</param>
    /// <param name="tensors">All tensors, in the order their bytes will follow.</param>
    /// <exception cref="ArgumentException">Something can't be written as GGUF.</exception>
    public GgufWriter(Stream stream, GgufMetadata metadata, ImmutableArray<GgufTensorSpec> tensors)
    {
        _stream = stream;
        _tensors = tensors;
        _alignment = metadata.TryGet(GgufConstants.Alignment, out object? alignment)
            ? alignment is uint number && uint.IsPow2(number) ? number
                : throw new ArgumentException("the alignment must be a 32-bit power of two", nameof(metadata))
            : GgufConstants.DefaultAlignment;
        WriteHeader(metadata);
        NextTensor();
    }

    /// <summary>Appends bytes of the current tensor; when it is full, the next one begins.</summary>
    /// <param name="bytes">Bytes that don't run past the current tensor's end.</param>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _left)
            throw new ArgumentException($"{bytes.Length} bytes don't fit the {_left} that are left of the tensor", nameof(bytes));
        if (bytes.IsEmpty) return;
        _stream.Write(bytes);
        _left -= bytes.Length;
        if (_left > 0) return;
        WritePadding(_tensors[_tensor].ByteSize);
        NextTensor();
    }

    /// <summary>Flushes the file.</summary>
    /// <exception cref="InvalidOperationException">Bytes of a tensor are missing.</exception>
    public void Complete()
    {
        if (_tensor < _tensors.Length)
            throw new InvalidOperationException($"{_left} bytes of tensor '{_tensors[_tensor].Name}' were not written");
        _stream.Flush();
    }

    /// <summary>Closes the stream.</summary>
    public void Dispose() => _stream.Dispose();

    private void NextTensor()
    {
        do
        {
            _tensor++;
            _left = _tensor < _tensors.Length ? _tensors[_tensor].ByteSize : 0;
        }
        while (_left == 0 && _tensor < _tensors.Length);
    }

    private void WriteHeader(GgufMetadata metadata)
    {
        // Buffered whole: vocabularies make it a few megabytes at most, and a million small writes would be slow.
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer);
        writer.Write(GgufConstants.Magic);
        writer.Write(GgufConstants.Version);
        writer.Write((ulong)_tensors.Length);
        writer.Write((ulong)metadata.Count);
        foreach ((string key, object value) in metadata)
        {
            WriteString(writer, key);
            writer.Write((int)GgufMetadata.TypeOf(value));
            if (value is Array array) WriteArray(writer, array);
            else WriteScalar(writer, value);
        }

        long offset = 0;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (GgufTensorSpec tensor in _tensors)
        {
            if (Encoding.UTF8.GetByteCount(tensor.Name) > GgufConstants.MaxTensorNameBytes)
                throw new ArgumentException($"the tensor name '{tensor.Name}' is too long");
            if (!names.Add(tensor.Name)) throw new ArgumentException($"the tensor '{tensor.Name}' appears twice");
            if (tensor.Dimensions.Length > GgufConstants.MaxDimensions)
                throw new ArgumentException($"tensor '{tensor.Name}' has too many dimensions");
            WriteString(writer, tensor.Name);
            writer.Write(tensor.Dimensions.Length);
            foreach (long size in tensor.Dimensions) writer.Write(size);
            writer.Write((int)tensor.Type);
            writer.Write(offset);
            offset = checked(offset + tensor.ByteSize + Padding(tensor.ByteSize));
        }

        writer.Flush();
        _stream.Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
        WritePadding(buffer.Length);
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteArray(BinaryWriter writer, Array array)
    {
        writer.Write((int)GgufMetadata.ElementType(array));
        writer.Write((ulong)array.Length);
        switch (array)
        {
            case int[] numbers:
                writer.Write(MemoryMarshal.AsBytes<int>(numbers));
                break;
            case float[] numbers:
                writer.Write(MemoryMarshal.AsBytes<float>(numbers));
                break;
            default:
                foreach (object item in array) WriteScalar(writer, item);
                break;
        }
    }

    private static void WriteScalar(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte number: writer.Write(number); break;
            case sbyte number: writer.Write(number); break;
            case ushort number: writer.Write(number); break;
            case short number: writer.Write(number); break;
            case uint number: writer.Write(number); break;
            case int number: writer.Write(number); break;
            case float number: writer.Write(number); break;
            case bool flag: writer.Write(flag); break;
            case string text: WriteString(writer, text); break;
            case ulong number: writer.Write(number); break;
            case long number: writer.Write(number); break;
            case double number: writer.Write(number); break;
            default: throw new ArgumentException($"{value.GetType().Name} has no place in GGUF metadata", nameof(value));
        }
    }

    private int Padding(long size) => (int)((_alignment - (size % _alignment)) % _alignment);

    private void WritePadding(long size)
    {
        Span<byte> zeros = stackalloc byte[256];
        zeros.Clear();
        for (int left = Padding(size); left > 0; left -= zeros.Length) _stream.Write(zeros[..Math.Min(left, zeros.Length)]);
    }
}
