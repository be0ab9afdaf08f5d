using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Outputs of a reference run on disk. Layout, little-endian: magic <c>QBTO</c>, version 1 (u32), number of outputs (u32); per output its
/// name (u32 length, UTF-8), number of dimensions (u32), dimensions (i64 each), elements (float32 each).
/// </summary>
internal static class TensorReference
{
    private const uint Magic = 0x4F544251; // "QBTO"
    private const uint Version = 1;
    private const int MostDimensions = 64;
    private const int LongestName = 4096;

    /// <summary>Writes a file.</summary>
    /// <exception cref="StoreException">It can't be written.</exception>
    public static void Write(string path, ImmutableArray<TensorOutput> outputs)
    {
        DiskFault.AsStore($"The reference outputs can't be written to {path}", "Free some space.", () =>
        {
            using var writer = new BinaryWriter(File.Create(path));
            writer.Write(Magic);
            writer.Write(Version);
            writer.Write((uint)outputs.Length);
            foreach (TensorOutput output in outputs)
            {
                byte[] name = Encoding.UTF8.GetBytes(output.Name);
                writer.Write((uint)name.Length);
                writer.Write(name);
                writer.Write((uint)output.Shape.Length);
                foreach (long dimension in output.Shape) writer.Write(dimension);
                writer.Write(MemoryMarshal.AsBytes(output.Values.Span));
            }
        });
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">It isn't such a file.</exception>
    public static ImmutableArray<TensorOutput> Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        using var reader = new BinaryReader(file);
        try
        {
            if (reader.ReadUInt32() != Magic || reader.ReadUInt32() != Version) throw Broken(path);
            var outputs = ImmutableArray.CreateBuilder<TensorOutput>();
            uint count = reader.ReadUInt32();
            for (uint i = 0; i < count; i++) outputs.Add(ReadOutput(reader, file, path));
            return outputs.ToImmutable();
        }
        catch (EndOfStreamException)
        {
            throw Broken(path);
        }
    }

    private static TensorOutput ReadOutput(BinaryReader reader, FileStream file, string path)
    {
        uint nameLength = reader.ReadUInt32();
        if (nameLength > LongestName) throw Broken(path);
        string name = Encoding.UTF8.GetString(reader.ReadBytes((int)nameLength));
        uint dimensions = reader.ReadUInt32();
        if (dimensions > MostDimensions) throw Broken(path);
        var shape = ImmutableArray.CreateBuilder<long>();
        long elements = 1;
        for (uint d = 0; d < dimensions; d++)
        {
            long dimension = reader.ReadInt64();
            long left = (file.Length - file.Position) / sizeof(float);
            if (dimension < 0 || (dimension > 0 && elements > left / dimension)) throw Broken(path);
            elements *= dimension;
            shape.Add(dimension);
        }

        if (elements > (file.Length - file.Position) / sizeof(float) || elements > Array.MaxLength) throw Broken(path);
        float[] values = new float[elements];
        file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return new TensorOutput(name, shape.ToImmutable(), values);
    }

    private static ModelFormatException Broken(string path) =>
        new(path, null, "isn't a whole file of reference outputs.", "Delete it; it is computed again.");
}
