namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>How rows of floating-point weights are read. Implementations are empty structs, so that a kernel is compiled for each of
/// them.</summary>
internal interface IFloatFormat
{
    /// <summary>Loads 8 consecutive weights.</summary>
    /// <param name="m">The matrix.</param>
    /// <param name="octet">Which, counted over the whole matrix.</param>
    Float8 Load(MatrixView m, int octet);

    /// <summary>Whether weights are bfloats already.</summary>
    bool IsBfloat { get; }
}
