using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Safetensors;

/// <summary>A tensor to be written.</summary>
/// <param name="Name">Name, unique in the file.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, the contiguous dimension last.</param>
public sealed record SafetensorsSpec(string Name, SafetensorsDType DType, ImmutableArray<long> Shape)
{
    /// <summary>Bytes of the tensor.</summary>
    public long ByteSize => Shape.Aggregate((long)SafetensorsTensorInfo.SizeOf(DType), (bytes, size) => checked(bytes * size));
}

/// <summary>
/// Writes a safetensors file whose tensors are known beforehand and filled in any order, so that tensors that are made together (packed
/// quants, scales, biases) need not be held in memory.
/// </summary>
public sealed class SafetensorsWriter : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly TensorPlaces _places = new();

    /// <summary>Creates the file, replacing one that is there, and writes its header.</summary>
    /// <exception cref="RequestException">The file can't be written.</exception>
    public SafetensorsWriter(string path, IEnumerable<SafetensorsSpec> tensors, string format)
    {
        _path = path;

        // Widest elements first, so that each tensor is aligned to its own.
        SafetensorsSpec[] ordered = [
            .. tensors.OrderByDescending(t => SafetensorsTensorInfo.SizeOf(t.DType)).ThenBy(t => t.Name, StringComparer.Ordinal)];
        byte[] header = Header(ordered, format);
        long at = header.Length;
        foreach (SafetensorsSpec tensor in ordered)
        {
            _places.Add(tensor.Name, at, tensor.ByteSize);
            at = checked(at + tensor.ByteSize);
        }

        try
        {
            _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None, at);
            RandomAccess.Write(_file, header, 0);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            _file?.Dispose();
            throw Unwritable(e);
        }
    }

    /// <summary>Appends bytes to a tensor.</summary>
    /// <exception cref="RequestException">The disk is full or gone.</exception>
    public void Append(string tensor, ReadOnlySpan<byte> bytes)
    {
        try
        {
            _places.Append(_file, tensor, bytes);
        }
        catch (IOException e)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Checks that every tensor is whole.</summary>
    /// <exception cref="InvalidOperationException">One isn't.</exception>
    public void Complete() => _places.Complete();

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static byte[] Header(SafetensorsSpec[] tensors, string format)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", format);
            json.WriteEndObject();
            long at = 0;
            foreach (SafetensorsSpec tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.DType.ToString());
                json.WriteStartArray("shape");
                foreach (long size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at += tensor.ByteSize);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces fill the header up to a multiple of 8, so that the data is aligned.
        int length = ((int)stream.Length + 7) / 8 * 8;
        byte[] header = new byte[8 + length];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        stream.ToArray().CopyTo(header, 8);
        return header;
    }

    private RequestException Unwritable(Exception cause) =>
        new($"The file '{_path}' can't be written: {cause.Message}", "Check that the directory may be written to and the disk has room.",
            cause);
}
