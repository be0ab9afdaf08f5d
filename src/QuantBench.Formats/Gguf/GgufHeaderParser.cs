using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Gguf;

/// <summary>Turns the front of a GGUF file into a header. Counts are compared with the bytes left before anything is allocated for
/// them.</summary>
internal static class GgufHeaderParser
{
    // Shortest possible entries: a key of one character and a one-byte value; a tensor without name and dimensions.
    private const ulong MinEntryBytes = 8 + 1 + 4 + 1;
    private const ulong MinTensorBytes = 8 + 4 + 4 + 8;

    // Versions and tensor types count up by ones: a larger number is damage, not the future.
    private const uint NewestPlausible = 255;

    /// <param name="bytes">The file's first bytes: all of it, or as much as a span can hold.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <param name="file">Path, for messages.</param>
    public static GgufHeader Parse(ReadOnlySpan<byte> bytes, long fileLength, string file)
    {
        var cursor = new GgufCursor(bytes, file);
        if (cursor.Left < 4 || cursor.ReadUInt32("the magic number") != GgufConstants.Magic)
        {
            ForeignFile.Refuse(bytes, file, "a GGUF file");
            throw new ModelFormatException(file, 0, "this is not a GGUF file: it doesn't start with 'GGUF'.",
                "Give a .gguf file or a Hugging Face directory.");
        }

        uint version = cursor.ReadUInt32("the version");
        CheckVersion(version, cursor, file);
        int tensorCountAt = cursor.Position;
        ulong tensorCount = cursor.ReadUInt64("the tensor count");
        int entryCountAt = cursor.Position;
        ulong entryCount = cursor.ReadUInt64("the metadata count");
        if (tensorCount > cursor.Left / MinTensorBytes) throw TooMany(cursor, tensorCountAt, tensorCount, "tensors");
        if (entryCount > cursor.Left / MinEntryBytes) throw TooMany(cursor, entryCountAt, entryCount, "metadata entries");

        var metadata = new GgufMetadata(file, (int)entryCount);
        uint alignment = GgufConstants.DefaultAlignment;
        for (ulong i = 0; i < entryCount; i++)
        {
            int at = cursor.Position;
            string key = cursor.ReadName("a metadata key", ushort.MaxValue);
            if (key.Length == 0) throw cursor.Error(at, "a metadata key is empty.");
            if (metadata.Contains(key)) throw cursor.Error(at, $"the metadata key '{key}' appears twice.");
            object value = ReadValue(ref cursor, key);
            if (key == GgufConstants.Alignment)
            {
                alignment = value is uint number && uint.IsPow2(number)
                    ? number
                    : throw cursor.Error(at, $"'{key}' must be a 32-bit power of two, but is {value}.");
            }

            metadata.Add(key, value);
        }

        return ReadTensors(ref cursor, version, metadata, (int)tensorCount, alignment, fileLength);
    }

    private static void CheckVersion(uint version, GgufCursor cursor, string file)
    {
        if (version is 2 or 3) return;
        if ((version & 0xFFFF) == 0 && version != 0)
        {
            throw new UnsupportedException(file, "this is a big-endian file; only little-endian GGUF is read.",
                "gguf-py's gguf_convert_endian.py turns it around.");
        }

        throw version is 0 or > NewestPlausible ? cursor.Error(4, $"there is no GGUF version {version}.")
            : new UnsupportedException(file, $"GGUF version {version} is not read; versions 2 and 3 are.",
                "Convert the model again, to version 3.");
    }

    private static object ReadValue(ref GgufCursor cursor, string key)
    {
        int at = cursor.Position;
        var what = new GgufPlace("the value of", key);
        uint type = cursor.ReadUInt32(what);
        return (GgufValueType)type switch
        {
            GgufValueType.UInt8 => cursor.Take(1, what)[0],
            GgufValueType.Int8 => (sbyte)cursor.Take(1, what)[0],
            GgufValueType.UInt16 => MemoryMarshal.Read<ushort>(cursor.Take(2, what)),
            GgufValueType.Int16 => MemoryMarshal.Read<short>(cursor.Take(2, what)),
            GgufValueType.UInt32 => cursor.ReadUInt32(what),
            GgufValueType.Int32 => (int)cursor.ReadUInt32(what),
            GgufValueType.Float32 => MemoryMarshal.Read<float>(cursor.Take(4, what)),
            GgufValueType.Bool => cursor.Take(1, what)[0] != 0,
            GgufValueType.String => cursor.ReadText(what),
            GgufValueType.Array => ReadArray(ref cursor, what),
            GgufValueType.UInt64 => cursor.ReadUInt64(what),
            GgufValueType.Int64 => (long)cursor.ReadUInt64(what),
            GgufValueType.Float64 => MemoryMarshal.Read<double>(cursor.Take(8, what)),
            _ => throw cursor.Error(at, $"{what} has the unknown type {type}."),
        };
    }

    private static object ReadArray(ref GgufCursor cursor, GgufPlace what)
    {
        int at = cursor.Position;
        uint type = cursor.ReadUInt32(what);
        ulong count = cursor.ReadUInt64(what);
        if (count > GgufConstants.MaxArrayElements) throw TooMany(cursor, at, count, $"elements in {what}");
        return (GgufValueType)type switch
        {
            GgufValueType.UInt8 => ReadNumbers<byte>(ref cursor, count, what),
            GgufValueType.Int8 => ReadNumbers<sbyte>(ref cursor, count, what),
            GgufValueType.UInt16 => ReadNumbers<ushort>(ref cursor, count, what),
            GgufValueType.Int16 => ReadNumbers<short>(ref cursor, count, what),
            GgufValueType.UInt32 => ReadNumbers<uint>(ref cursor, count, what),
            GgufValueType.Int32 => ReadNumbers<int>(ref cursor, count, what),
            GgufValueType.Float32 => ReadNumbers<float>(ref cursor, count, what),
            GgufValueType.Bool => Array.ConvertAll(ReadNumbers<byte>(ref cursor, count, what), flag => flag != 0),
            GgufValueType.String => ReadStrings(ref cursor, count, what),
            GgufValueType.Array => throw cursor.Error(at, $"{what} is an array of arrays, which GGUF readers don't accept."),
            GgufValueType.UInt64 => ReadNumbers<ulong>(ref cursor, count, what),
            GgufValueType.Int64 => ReadNumbers<long>(ref cursor, count, what),
            GgufValueType.Float64 => ReadNumbers<double>(ref cursor, count, what),
            _ => throw cursor.Error(at, $"{what} has elements of the unknown type {type}."),
        };
    }

    private static unsafe T[] ReadNumbers<T>(ref GgufCursor cursor, ulong count, GgufPlace what)
        where T : unmanaged
    {
        if (count > cursor.Left / (ulong)sizeof(T)) throw TooMany(cursor, cursor.Position, count, $"elements in {what}");
        return MemoryMarshal.Cast<byte, T>(cursor.Take((int)count * sizeof(T), what)).ToArray();
    }

    private static string[] ReadStrings(ref GgufCursor cursor, ulong count, GgufPlace what)
    {
        // Every string has at least its 8 bytes of length.
        if (count > cursor.Left / 8) throw TooMany(cursor, cursor.Position, count, $"strings in {what}");
        string[] strings = new string[(int)count];
        for (int i = 0; i < strings.Length; i++) strings[i] = cursor.ReadText(what);
        return strings;
    }

    private static GgufHeader ReadTensors(
        ref GgufCursor cursor, uint version, GgufMetadata metadata, int count, uint alignment, long fileLength)
    {
        var raw = new RawTensor[count];
        var names = new HashSet<string>(count, StringComparer.Ordinal);
        long dataBytes = 0;
        for (int i = 0; i < count; i++)
        {
            int at = cursor.Position;
            raw[i] = ReadTensor(ref cursor);
            if (!names.Add(raw[i].Name)) throw cursor.Error(at, $"the tensor '{raw[i].Name}' appears twice.");

            // Tensors follow each other without gaps; anything else could overlap or hide data.
            if (raw[i].Offset != dataBytes)
            {
                throw cursor.Error(at,
                    $"tensor '{raw[i].Name}' starts at byte {(ulong)raw[i].Offset} of the data, but the one before ends at {dataBytes}.");
            }

            dataBytes = Align(cursor, at, raw[i].ByteSize, alignment, dataBytes);
        }

        long dataOffset = Align(cursor, cursor.Position, cursor.Position, alignment, 0);
        var tensors = ImmutableArray.CreateBuilder<GgufTensorInfo>(count);
        foreach (RawTensor tensor in raw)
        {
            // No overflow: both sums are below 2^62 by Align.
            long start = dataOffset + tensor.Offset;
            if (start + tensor.ByteSize > fileLength)
            {
                throw cursor.Error(tensor.At,
                    $"tensor '{tensor.Name}' ends at byte {start + tensor.ByteSize}, but the file has {fileLength}.");
            }

            tensors.Add(new GgufTensorInfo(tensor.Name, tensor.Type, tensor.Dimensions, start, tensor.ByteSize));
        }

        return new GgufHeader(version, metadata, tensors.MoveToImmutable(), alignment, dataOffset);
    }

    /// <summary>Adds a size, rounded up to the alignment, to a sum; refuses what no file can hold.</summary>
    private static long Align(GgufCursor cursor, long at, long size, uint alignment, long sum)
    {
        UInt128 end = (UInt128)(ulong)sum + ((((UInt128)(ulong)size) + alignment - 1) / alignment * alignment);
        return end < (UInt128)(1UL << 62) ? (long)(ulong)end : throw cursor.Error(at, $"the tensors' sizes add up to {end} bytes.");
    }

    private static RawTensor ReadTensor(ref GgufCursor cursor)
    {
        int start = cursor.Position;
        string name = cursor.ReadName("a tensor name", GgufConstants.MaxTensorNameBytes);
        var what = new GgufPlace("tensor", name);
        int at = cursor.Position;
        uint dimensionCount = cursor.ReadUInt32(what);
        if (dimensionCount > GgufConstants.MaxDimensions)
        {
            throw cursor.Error(at, $"{what} claims {dimensionCount} dimensions; at most {GgufConstants.MaxDimensions} are allowed.");
        }

        long[] dimensions = new long[dimensionCount];
        Int128 product = 1;
        for (uint i = 0; i < dimensionCount; i++)
        {
            int sizeAt = cursor.Position;
            long size = (long)cursor.ReadUInt64(what);
            if (size < 0) throw cursor.Error(sizeAt, $"{what} has the negative size {size}.");
            dimensions[i] = size;

            // A size of 0 doesn't hide an overflow in the others.
            product *= Math.Max(1, size);
            if (product >= long.MaxValue) throw cursor.Error(sizeAt, $"{what} has more than 2^63 elements.");
        }

        int typeAt = cursor.Position;
        uint type = cursor.ReadUInt32(what);
        if (!GgmlTypes.TryGet(type, out GgmlTypeInfo? info))
        {
            throw type > NewestPlausible ? cursor.Error(typeAt, $"{what} has the unknown type {type}.")
                : new UnsupportedException(cursor.File, $"{what} has the unknown type {type}.",
                    "A newer or older llama.cpp made it; make it again from the model's floats.");
        }

        long columns = dimensions.Length == 0 ? 1 : dimensions[0];
        if (columns % info.BlockElements != 0)
        {
            throw cursor.Error(typeAt,
                $"{what} has rows of {columns} elements, which aren't whole blocks of {info.BlockElements} ({info.Name}).");
        }

        bool isEmpty = dimensions.AsSpan().Contains(0);
        Int128 bytes = isEmpty ? 0 : product / info.BlockElements * info.BlockBytes;
        if (bytes > long.MaxValue) throw cursor.Error(typeAt, $"{what} has {bytes} bytes.");
        long offset = (long)cursor.ReadUInt64(what);
        return new RawTensor(name, info.Type, ImmutableCollectionsMarshal.AsImmutableArray(dimensions), offset, (long)bytes, start);
    }

    private static ModelFormatException TooMany(GgufCursor cursor, long at, ulong count, string what) =>
        cursor.Error(at, $"the file claims {count} {what}, but {cursor.Left} bytes are left.");

    /// <summary>A tensor whose place isn't known before the table's end.</summary>
    private readonly record struct RawTensor(string Name, GgmlType Type, ImmutableArray<long> Dimensions, long Offset, long ByteSize,
        long At);
}
