using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;

namespace QuantBench.Models.Weights;

/// <summary>A matrix of weights as its file holds it, row by row.</summary>
public sealed unsafe class WeightMatrix
{
    // What is known of each row of halves: 0 nothing yet, 1 all finite, 2 not.
    private readonly byte[] _rows = [];

    /// <summary>A matrix of ggml's blocks.</summary>
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
        if (type == GgmlType.F16) _rows = new byte[rows];
    }

    /// <summary>A matrix in a format of its own.</summary>
    /// <param name="source">Rows in a format that isn't ggml's; stays mapped as long as this is used.</param>
    public WeightMatrix(IWeightMatrix source)
        : this(source, 0, source.Rows)
    {
    }

    private WeightMatrix(IWeightMatrix source, int firstRow, int rows)
    {
        Source = source;
        FirstRow = firstRow;
        Type = Packed;
        Rows = rows;
        Columns = source.Columns;
    }

    /// <summary>Type of matrices with a <see cref="Source"/>; no kernel knows it, so their rows are decoded to floats first.</summary>
    public static GgmlType Packed => (GgmlType)(-1);

    /// <summary>What gives the rows, when they aren't ggml's blocks; null otherwise.</summary>
    public IWeightMatrix? Source { get; }

    /// <summary>First row of the <see cref="Source"/>.</summary>
    public int FirstRow { get; }

    /// <summary>First row; null with a <see cref="Source"/>.</summary>
    public byte* Data { get; }

    /// <summary>Element type.</summary>
    public GgmlType Type { get; }

    /// <summary>Output features.</summary>
    public int Rows { get; }

    /// <summary>Input features.</summary>
    public int Columns { get; }

    /// <summary>Bytes from one row to the next.</summary>
    public long RowBytes { get; }

    /// <summary>The same weights as an engine has laid them out for its kernels; null when those read the file's rows.</summary>
    public byte* Repacked { get; set; }

    /// <summary>A row.</summary>
    public byte* Row(int row) => Data + (row * RowBytes);

    /// <summary>Whether a row of halves holds no infinity and no NaN. Each row is looked at once, when it is first asked for; any number
    /// of threads may ask.</summary>
    /// <param name="row">A row of a matrix of type F16.</param>
    public bool HasFiniteHalves(int row)
    {
        if (_rows[row] == 0) _rows[row] = HalfBits.AreFinite(new ReadOnlySpan<ushort>(Row(row), Columns)) ? (byte)1 : (byte)2;
        return _rows[row] == 1;
    }

    /// <summary>The matrix of the same shape that lies some matrices behind this one; without a <see cref="Source"/>.</summary>
    public WeightMatrix Moved(int matrices) => new(Data + (matrices * Rows * RowBytes), Type, Rows, Columns);

    /// <summary>Some of the rows, as a matrix.</summary>
    public WeightMatrix Slice(int first, int rows) =>
        Source is null ? new(Row(first), Type, rows, Columns) : new(Source, FirstRow + first, rows);
}
