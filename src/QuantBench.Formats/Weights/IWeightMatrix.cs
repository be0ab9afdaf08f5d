namespace QuantBench.Formats.Weights;

/// <summary>A weight matrix that gives rows of floats, however it is stored. Valid as long as the model it came from; safe to read from
/// many threads.</summary>
public interface IWeightMatrix
{
    /// <summary>Rows: output features, or vocabulary entries of an embedding.</summary>
    int Rows { get; }

    /// <summary>Elements per row: input features.</summary>
    int Columns { get; }

    /// <summary>Bytes of all tensors that make up the matrix.</summary>
    long ByteSize { get; }

    /// <summary>Decodes a run of rows.</summary>
    /// <param name="firstRow">First row.</param>
    /// <param name="rowCount">
    /// Number of rows. Formats that pack along the output (GPTQ, AWQ) touch the same memory for 1 as for 16 rows, so runs of 16 or more are
    /// cheapest.
    /// </param>
    /// <param name="output">[rowCount, <see cref="Columns"/>], row-major; receives the weights.</param>
    /// <exception cref="ArgumentException">The run isn't inside the matrix, or the output's length doesn't fit it.</exception>
    void ReadRows(int firstRow, int rowCount, Span<float> output);

    /// <summary>Decodes a piece of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="firstColumn">First element: a multiple of 512, so that pieces are whole groups in every format.</param>
    /// <param name="output">Receives the elements; ends at a multiple of 512 or at the row's end.</param>
    /// <exception cref="ArgumentException">The piece isn't inside the matrix, or cuts a group.</exception>
    void ReadPiece(int row, int firstColumn, Span<float> output);
}
