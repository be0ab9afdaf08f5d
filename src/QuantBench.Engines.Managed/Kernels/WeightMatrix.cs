using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>A matrix of weights as its file holds it, row by row.</summary>
internal sealed unsafe class WeightMatrix
{
    /// <param name="data">First row; stays mapped as long as this is used.</param>
    /// <param name="type">Element type.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features; a whole number of blocks.</param>
    public WeightMatrix(byte* data, GgmlType type, int rows, int columns)
    {
        Data = data;
        Type = type;
        Rows = rows;
        Columns = columns;
        RowBytes = GgmlTypes.ByteSize(type, columns);
    }

    /// <summary>First row.</summary>
    public byte* Data { get; }

    /// <summary>Element type.</summary>
    public GgmlType Type { get; }

    /// <summary>Output features.</summary>
    public int Rows { get; }

    /// <summary>Input features.</summary>
    public int Columns { get; }

    /// <summary>Bytes from one row to the next.</summary>
    public long RowBytes { get; }

    /// <summary>The same weights laid out for a kernel set that prepared them; null when it reads the file's rows.</summary>
    public byte* Repacked { get; set; }

    /// <summary>A row.</summary>
    public byte* Row(int row) => Data + (row * RowBytes);
}
