using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Safetensors;

/// <summary>Everything in front of a safetensors file's data: header length (u64), JSON.</summary>
/// <param name="Metadata">The free texts under <c>__metadata__</c>.</param>
/// <param name="Tensors">Tensors in the order of their data.</param>
/// <param name="DataOffset">Where the data starts, in bytes from the start of the file.</param>
public sealed record SafetensorsHeader(
    ImmutableSortedDictionary<string, string> Metadata, ImmutableArray<SafetensorsTensorInfo> Tensors, long DataOffset)
{
    // The limit of the safetensors library itself.
    private const ulong MaxHeaderBytes = 100_000_000;

    // More than any library's arrays have.
    private const int MaxDimensions = 64;
    private const string DamagedHint = "The file is damaged or incomplete; compare its SHA-256 with the source's and fetch it again.";

    /// <summary>Reads the header of a file that is in memory.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">Name for messages.</param>
    /// <exception cref="ModelFormatException">It isn't a valid safetensors file.</exception>
    public static SafetensorsHeader Read(ReadOnlySpan<byte> bytes, string file) => Parse(bytes, bytes.Length, file);

    internal static SafetensorsHeader Parse(ReadOnlySpan<byte> bytes, long fileLength, string file)
    {
        ForeignFile.Refuse(bytes, file, "a safetensors file");
        if (bytes.Length < 8) throw Error(file, 0, $"{bytes.Length} bytes are too few for a safetensors file.");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (length > MaxHeaderBytes || length > (ulong)(bytes.Length - 8))
        {
            throw Error(file, 0, $"the header claims {length} bytes, but {bytes.Length - 8} follow.");
        }

        // The copy lets the JSON reader keep it; its size was checked above.
        ModelJson root = ModelJson.Parse(bytes.Slice(8, (int)length).ToArray(), file, 8);
        long dataOffset = 8 + (long)length;
        long dataBytes = fileLength - dataOffset;
        ImmutableSortedDictionary<string, string> metadata = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);
        var tensors = new List<SafetensorsTensorInfo>();
        foreach ((string name, ModelJson value) in root.Members())
        {
            if (name == "__metadata__")
                metadata = metadata.AddRange(value.Members().Select(entry => KeyValuePair.Create(entry.Name, entry.Value.AsString())));
            else tensors.Add(ReadTensor(name, value, file, dataOffset, dataBytes));
        }

        CheckLayout(tensors, file, dataOffset, dataBytes);
        return new SafetensorsHeader(metadata, [.. tensors], dataOffset);
    }

    private static SafetensorsTensorInfo ReadTensor(string name, ModelJson json, string file, long dataOffset, long dataBytes)
    {
        string typeName = json.Get("dtype").AsString();
        if (!Enum.TryParse(typeName, ignoreCase: false, out SafetensorsDType type) || type.ToString() != typeName)
        {
            throw new UnsupportedException(file, $"tensor '{name}' has the dtype '{typeName}', which is not read.");
        }

        ModelJson sizes = json.Get("shape");
        if (sizes.Count > MaxDimensions)
            throw Error(file, 8, $"tensor '{name}' has {sizes.Count} dimensions; at most {MaxDimensions} are read.");
        long[] shape = new long[sizes.Count];
        Int128 product = 1;
        bool isEmpty = false;
        for (int i = 0; i < shape.Length; i++)
        {
            long size = sizes[i].AsInt64();
            if (size < 0) throw Error(file, 8, $"tensor '{name}' has the negative size {size}.");
            shape[i] = size;
            isEmpty |= size == 0;

            // A size of 0 doesn't hide an overflow in the others.
            product *= Math.Max(1, size);
            if (product > long.MaxValue / 8) throw Error(file, 8, $"tensor '{name}' has too many elements.");
        }

        ModelJson offsets = json.Get("data_offsets");
        if (offsets.Count != 2) throw Error(file, 8, $"tensor '{name}' has {offsets.Count} data_offsets instead of 2.");
        (long begin, long end) = (offsets[0].AsInt64(), offsets[1].AsInt64());
        if (begin < 0 || end < begin || end > dataBytes)
        {
            throw Error(file, 8, $"tensor '{name}' lies at bytes {begin} to {end} of the data, but there are {dataBytes}.");
        }

        long bytes = isEmpty ? 0 : (long)product * SafetensorsTensorInfo.SizeOf(type);
        if (bytes != end - begin)
        {
            throw Error(file, 8,
                $"tensor '{name}' has the shape [{string.Join(", ", shape)}] of {type}, which takes {bytes} bytes, but claims "
                    + $"{end - begin}.");
        }

        return new SafetensorsTensorInfo(name, type, ImmutableCollectionsMarshal.AsImmutableArray(shape), dataOffset + begin, bytes);
    }

    /// <summary>Tensors must fill the data without gaps or overlaps, as the format demands; sorts them by place.</summary>
    private static void CheckLayout(List<SafetensorsTensorInfo> tensors, string file, long dataOffset, long dataBytes)
    {
        // By end as well, so that an empty tensor comes before the one that starts at the same place.
        tensors.Sort((a, b) => (a.Offset, a.ByteSize, a.Name).CompareTo((b.Offset, b.ByteSize, b.Name)));
        long end = dataOffset;
        foreach (SafetensorsTensorInfo tensor in tensors)
        {
            if (tensor.Offset != end)
            {
                throw Error(file, tensor.Offset,
                    $"tensor '{tensor.Name}' starts here, but the one before ends at byte {end}; gaps and overlaps are not allowed.");
            }

            end += tensor.ByteSize;
        }

        if (end != dataOffset + dataBytes)
            throw Error(file, end, $"the last tensor ends here, but the file has {dataOffset + dataBytes} bytes.");
    }

    private static ModelFormatException Error(string file, long offset, string problem) => new(file, offset, problem, DamagedHint);
}
