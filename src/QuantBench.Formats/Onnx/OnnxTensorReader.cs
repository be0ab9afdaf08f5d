using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Onnx.Proto;

namespace QuantBench.Formats.Onnx;

/// <summary>Checks constant tensors of a model and finds their bytes.</summary>
/// <param name="path">Path of the model file.</param>
internal sealed class OnnxTensorReader(string path) : IDisposable
{
    private const int MaxDimensions = 64;

    private readonly string _directory = Path.GetDirectoryName(path) ?? "";
    private readonly Dictionary<string, MappedFile> _files = new(StringComparer.Ordinal);

    /// <summary>Files of external data, by their place relative to the model.</summary>
    public IReadOnlyDictionary<string, MappedFile> Files => _files;

    /// <summary>Checks a tensor.</summary>
    /// <param name="proto">The tensor.</param>
    /// <returns>What it is, and its bytes when they are in the model file.</returns>
    /// <exception cref="ModelFormatException">Something about it is wrong.</exception>
    public (OnnxTensorInfo Info, ReadOnlyMemory<byte> Inline) Read(TensorProto proto)
    {
        var type = (OnnxDataType)proto.DataType;
        if (type == OnnxDataType.Undefined || !Enum.IsDefined(type)) throw Wrong(proto, $"has the unknown element type {proto.DataType}.");
        if (proto.Dims.Count > MaxDimensions) throw Wrong(proto, $"has {proto.Dims.Count} dimensions.");
        ImmutableArray<long> shape = [.. proto.Dims];
        if (shape.Any(size => size < 0)) throw Wrong(proto, $"has a negative size in its shape [{string.Join(", ", shape)}].");
        if (type == OnnxDataType.Text)
        {
            if (proto.DataLocation == TensorProto.Types.DataLocation.External) throw Wrong(proto, "holds texts, which can't be external.");
            return (new OnnxTensorInfo(proto.Name, type, shape, 0, null, 0), default);
        }

        long elements, bytes;
        try
        {
            elements = shape.Aggregate(1L, (count, size) => checked(count * size));
            bytes = OnnxDataTypes.ByteSize(type, elements);
        }
        catch (OverflowException)
        {
            throw Wrong(proto, $"has the shape [{string.Join(", ", shape)}], which is larger than any file.");
        }

        if (proto.DataLocation == TensorProto.Types.DataLocation.External) return (ReadExternal(proto, type, shape, bytes), default);
        ReadOnlyMemory<byte> data = Inline(proto, type);
        if (data.Length != bytes)
            throw Wrong(proto, $"has the shape [{string.Join(", ", shape)}] of {type}, {bytes} bytes, but {data.Length} are stored.");
        return (new OnnxTensorInfo(proto.Name, type, shape, bytes, null, 0), data);
    }

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        foreach (MappedFile file in _files.Values) file.Dispose();
    }

    private OnnxTensorInfo ReadExternal(TensorProto proto, OnnxDataType type, ImmutableArray<long> shape, long bytes)
    {
        string? location = null;
        long offset = 0;
        long? length = null;
        foreach (StringStringEntryProto entry in proto.ExternalData)
        {
            switch (entry.Key)
            {
                case "location":
                    location = entry.Value;
                    break;
                case "offset":
                    offset = Number(proto, entry);
                    break;
                case "length":
                    length = Number(proto, entry);
                    break;
                default:
                    break; // A checksum, or what later versions add; none of it moves the data.
            }
        }

        if (string.IsNullOrEmpty(location)) throw Wrong(proto, "is external, but no file is named.");
        MappedFile file = Open(proto, location);
        if (length is { } stored && stored != bytes)
        {
            throw Wrong(proto,
                $"has the shape [{string.Join(", ", shape)}] of {type}, {bytes} bytes, but {stored} are said to be in '{location}'.");
        }

        if (offset > file.Length || bytes > file.Length - offset)
        {
            throw Wrong(
                proto, $"lies at bytes {offset} to {(decimal)offset + bytes} of '{location}', which has {file.Length}.",
                "The file is truncated or belongs to another model; fetch the model's files again.");
        }

        return new OnnxTensorInfo(proto.Name, type, shape, bytes, location, offset);
    }

    private MappedFile Open(TensorProto proto, string location)
    {
        if (_files.TryGetValue(location, out MappedFile? open)) return open;

        // Model files come from anywhere: data is only looked for inside the model's own directory.
        if (location.AsSpan().ContainsAny("\\\0:") || Path.IsPathRooted(location)
            || location.Split('/').Any(part => part is "" or "." or ".."))
        {
            throw Wrong(proto, $"is said to be in '{location}', which is not a plain path inside the model's directory.");
        }

        string full = Path.Combine(_directory, location);
        if (!File.Exists(full))
        {
            throw Wrong(proto, $"is in '{location}', but there is no such file beside the model.",
                "Fetch or copy the model's data file as well; it keeps its name.");
        }

        ModelLinks.Check(_directory, full);
        MappedFile file = MappedFile.Open(full);
        _files.Add(location, file);
        return file;
    }

    private long Number(TensorProto proto, StringStringEntryProto entry) =>
        long.TryParse(entry.Value, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw Wrong(proto, $"has '{entry.Value}' as the {entry.Key} of its external data.");

    /// <summary>Bytes of a tensor in the model file: raw, or from the field for its type.</summary>
    private static ReadOnlyMemory<byte> Inline(TensorProto proto, OnnxDataType type)
    {
        if (proto.HasRawData) return proto.RawData.Memory;
        switch (type)
        {
            case OnnxDataType.Float or OnnxDataType.Complex64:
                return MemoryMarshal.AsBytes<float>(proto.FloatData.ToArray()).ToArray();
            case OnnxDataType.Double or OnnxDataType.Complex128:
                return MemoryMarshal.AsBytes<double>(proto.DoubleData.ToArray()).ToArray();
            case OnnxDataType.Int64:
                return MemoryMarshal.AsBytes<long>(proto.Int64Data.ToArray()).ToArray();
            case OnnxDataType.UInt64:
                return MemoryMarshal.AsBytes<ulong>(proto.Uint64Data.ToArray()).ToArray();
            case OnnxDataType.UInt32:
                return MemoryMarshal.AsBytes<uint>(proto.Uint64Data.Select(v => unchecked((uint)v)).ToArray()).ToArray();
            case OnnxDataType.Int32:
                return MemoryMarshal.AsBytes<int>(proto.Int32Data.ToArray()).ToArray();
            default:
                // Small types stand in 32-bit fields, one each; packed ones a byte each.
                if (OnnxDataTypes.Bits(type) == 16)
                    return MemoryMarshal.AsBytes<ushort>(proto.Int32Data.Select(v => unchecked((ushort)v)).ToArray()).ToArray();
                byte[] bytes = [.. proto.Int32Data.Select(v => unchecked((byte)v))];
                return bytes;
        }
    }

    private ModelFormatException Wrong(TensorProto proto, string problem, string? hint = null) =>
        new(path, null, $"the tensor '{proto.Name}' {problem}", hint);
}
