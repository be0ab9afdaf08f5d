using System.Buffers.Binary;
using System.Text;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.LlamaCpp;

/// <summary>The few facts of a GGUF file that decide whether it can be run or quantized. Reads keys, never tensors.</summary>
/// <param name="FileType"><c>general.file_type</c>, a <c>llama_ftype</c>; null when the file doesn't say.</param>
/// <param name="HasImportanceMatrix">Whether it was quantized with an importance matrix.</param>
internal sealed record GgufHeader(int? FileType, bool HasImportanceMatrix)
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const int MaxKeyBytes = 1 << 16;
    private const int TypeUInt32 = 4;
    private const int TypeString = 8;
    private const int TypeArray = 9;

    /// <summary>Looks at a file's first bytes.</summary>
    /// <exception cref="ModelFormatException">It is no GGUF file, or can't be read.</exception>
    /// <exception cref="UnsupportedException">It is of another version.</exception>
    public static void Check(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[8];
            if (stream.ReadAtLeast(start, 8, throwOnEndOfStream: false) < 8 || BinaryPrimitives.ReadUInt32LittleEndian(start) != Magic)
            {
                throw new ModelFormatException(path, 0, "this is not a GGUF file.");
            }

            uint version = BinaryPrimitives.ReadUInt32LittleEndian(start[4..]);
            if (version is not (2 or 3)) throw new UnsupportedException(path, $"this is GGUF version {version}; llama.cpp reads 2 and 3.");
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw new ModelFormatException(path, null, $"it can't be read: {e.Message}", inner: e);
        }
    }

    /// <summary>Reads the header.</summary>
    /// <exception cref="ModelFormatException">The header is broken.</exception>
    /// <exception cref="UnsupportedException">It is of another version.</exception>
    public static GgufHeader Read(string path)
    {
        Check(path);
        using FileStream stream = File.OpenRead(path);
        using var reader = new BinaryReader(stream, Encoding.UTF8);
        try
        {
            stream.Position = 16;
            ulong count = reader.ReadUInt64();
            int? fileType = null;
            bool imatrix = false;
            for (ulong i = 0; i < count; i++)
            {
                ulong length = reader.ReadUInt64();
                if (length > MaxKeyBytes) throw Broken(path, stream, $"a key claims {length} bytes");
                string key = Encoding.UTF8.GetString(reader.ReadBytes((int)length));
                int type = reader.ReadInt32();
                if (key == "general.file_type" && type == TypeUInt32) fileType = reader.ReadInt32();
                else Skip(path, stream, reader, type, depth: 0);
                imatrix |= key.StartsWith("quantize.imatrix.", StringComparison.Ordinal);
            }

            return new GgufHeader(fileType, imatrix);
        }
        catch (EndOfStreamException e)
        {
            throw new ModelFormatException(path, stream.Length, "the file ends within its header.",
                "The file is truncated; fetch it again.", e);
        }
    }

    private static void Skip(string path, FileStream stream, BinaryReader reader, int type, int depth)
    {
        switch (type)
        {
            case TypeString:
                Advance(path, stream, reader.ReadUInt64(), 1);
                break;
            case TypeArray:
                if (depth > 0) throw Broken(path, stream, "an array lies within an array");
                int element = reader.ReadInt32();
                ulong count = reader.ReadUInt64();
                if (element is TypeString or TypeArray)
                {
                    for (ulong i = 0; i < count; i++) Skip(path, stream, reader, element, depth + 1);
                }
                else
                {
                    Advance(path, stream, count, Width(path, stream, element));
                }

                break;
            default:
                Advance(path, stream, 1, Width(path, stream, type));
                break;
        }
    }

    private static void Advance(string path, FileStream stream, ulong count, uint width)
    {
        ulong left = (ulong)(stream.Length - stream.Position);
        if (count > left / width)
            throw Broken(path, stream, $"a value claims {count} elements of {width} bytes, but {left} bytes are left");
        stream.Seek((long)(count * width), SeekOrigin.Current);
    }

    private static uint Width(string path, FileStream stream, int type) => type switch
    {
        0 or 1 or 7 => 1, // u8, i8, bool
        2 or 3 => 2,
        4 or 5 or 6 => 4, // u32, i32, f32
        10 or 11 or 12 => 8, // u64, i64, f64
        _ => throw Broken(path, stream, $"there is no value type {type}"),
    };

    private static ModelFormatException Broken(string path, FileStream stream, string problem) => new(path, stream.Position, problem + ".");
}
