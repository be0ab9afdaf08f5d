using QuantBench.Engines.Managed.Memory;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Memory of one worker that no other touches.</summary>
internal sealed unsafe class WorkerScratch : IDisposable
{
    private readonly NativeBuffer _buffer;

    /// <param name="columns">Most columns of a weight matrix.</param>
    /// <param name="attentionFloats">Floats that attention needs.</param>
    public WorkerScratch(int columns, int attentionFloats)
    {
        int padded = Padded(columns);
        PanelBytes = PanelBytesOf(padded);
        long scales = Scales16(padded);
        _buffer = new NativeBuffer(BytesOf(columns, attentionFloats));
        Panel = _buffer.As<byte>();
        Row = (float*)(Panel + PanelBytes);
        Scales = Row + padded;
        Minima = Scales + scales;
        RowScales = Minima + scales;
        RowMinima = RowScales + (padded / 16);
        Tile = RowMinima + (padded / 16);
        Attention = Tile + (FloatPanel.Rows * 64);
        RowBytes = (byte*)(Attention + attentionFloats + 64);
    }

    /// <summary>Bytes that one takes.</summary>
    /// <param name="columns">Most columns of a weight matrix.</param>
    /// <param name="attentionFloats">Floats that attention needs.</param>
    public static long BytesOf(int columns, int attentionFloats)
    {
        int padded = Padded(columns);
        long floats = padded + (2 * Scales16(padded)) + (2 * padded / 16) + (FloatPanel.Rows * 64) + attentionFloats + 256;
        return PanelBytesOf(padded) + (floats * sizeof(float)) + (2 * padded);
    }

    /// <summary>Bytes of <see cref="Panel"/>.</summary>
    public int PanelBytes { get; }

    /// <summary>Unpacked weights of several rows, interleaved.</summary>
    public byte* Panel { get; }

    /// <summary>One row as floats.</summary>
    public float* Row { get; }

    /// <summary>Scales of a panel.</summary>
    public float* Scales { get; }

    /// <summary>Minima of a panel.</summary>
    public float* Minima { get; }

    /// <summary>Scales of one row.</summary>
    public float* RowScales { get; }

    /// <summary>Minima of one row.</summary>
    public float* RowMinima { get; }

    /// <summary>Results of a panel that is cut off by the matrix' end: 64 tokens × 64 rows.</summary>
    public float* Tile { get; }

    /// <summary>Attention's blocks.</summary>
    public float* Attention { get; }

    /// <summary>One row as bytes.</summary>
    public byte* RowBytes { get; }

    /// <summary>Bytes held.</summary>
    public long MemoryBytes => _buffer.Bytes;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    private static int Padded(int columns) => (columns + 255) / 256 * 256;

    // 64 rows of half a thousand floats, or 16 rows of 16-bit numbers, whichever is more; then a row, its scales and minima, and a tile.
    private static int PanelBytesOf(int padded) =>
        Math.Max(FloatPanel.Rows * FloatPanel.Depth * sizeof(float), padded * IntegerPanels.Rows * sizeof(short));

    private static long Scales16(int padded) => (long)padded / 16 * IntegerPanels.Rows;
}
