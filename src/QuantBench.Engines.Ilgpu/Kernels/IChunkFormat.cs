namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>How a quantized format's planes are read. Implementations are empty structs, so that a kernel is compiled for each of
/// them.</summary>
internal interface IChunkFormat
{
    /// <summary>Loads 32 weights.</summary>
    /// <param name="m">The matrix.</param>
    /// <param name="chunk">Which, counted over the whole matrix; superblock formats have eight per superblock.</param>
    WeightChunk Load(MatrixView m, int chunk);

    /// <summary>Whether the two halves of a chunk have scales and offsets of their own; the same number for each format, so kernels are
    /// compiled for it.</summary>
    bool HasHalves { get; }
}
