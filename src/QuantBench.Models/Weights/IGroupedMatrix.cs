namespace QuantBench.Models.Weights;

/// <summary>A matrix of small integers with a scale and a zero point for each group of a row: x = scale · (q − zero).</summary>
public interface IGroupedMatrix : IWeightMatrix
{
    /// <summary>Bits of a quant: 2, 3, 4 or 8.</summary>
    int Bits { get; }

    /// <summary>Consecutive columns that share scale and zero point; 0 when a group's columns don't follow each other.</summary>
    int GroupSize { get; }

    /// <summary>Reads a run of rows' quants.</summary>
    /// <param name="firstRow">First row.</param>
    /// <param name="rowCount">Number of rows; runs of 16 or more are cheapest.</param>
    /// <param name="quants">[rowCount, <see cref="IWeightMatrix.Columns"/>], at least; receives a byte each.</param>
    void ReadQuants(int firstRow, int rowCount, Span<byte> quants);

    /// <summary>Reads a row's scales and zero points.</summary>
    /// <param name="row">The row.</param>
    /// <param name="scales">Receives the scales of the row's groups.</param>
    /// <param name="zeros">Receives their zero points.</param>
    void ReadGroups(int row, Span<float> scales, Span<float> zeros);
}
