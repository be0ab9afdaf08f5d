using System.Buffers;
using QuantBench.Core.Errors;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Mlx;

/// <summary>
/// A matrix in MLX's affine code: <c>weight</c> [rows, columns · bits / 32] of 32-bit words, <c>scales</c> and <c>biases</c> [rows, columns
/// / group] of floats.
/// </summary>
public sealed class MlxMatrix : IWeightMatrix
{
    /// <summary>Groups decoded at once: as many as the smallest ones of 512 columns.</summary>
    private const int PieceGroups = 16;

    private readonly SafetensorsModel _model;
    private readonly SafetensorsTensorInfo _packed;
    private readonly SafetensorsTensorInfo _scales;
    private readonly SafetensorsTensorInfo _biases;
    private readonly IBlockCodec _floats;

    private MlxMatrix(
        SafetensorsModel model, MlxQuantization quantization, int rows, int columns,
        SafetensorsTensorInfo packed, SafetensorsTensorInfo scales, SafetensorsTensorInfo biases)
    {
        (_model, Quantization, Rows, Columns, _packed, _scales, _biases) = (model, quantization, rows, columns, packed, scales, biases);
        _floats = FloatMatrix.CodecOf(scales.DType);
    }

    /// <summary>Bits and group size.</summary>
    public MlxQuantization Quantization { get; }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize => _packed.ByteSize + _scales.ByteSize + _biases.ByteSize;

    /// <summary>Groups per row.</summary>
    public int Groups => Columns / Quantization.GroupSize;

    /// <summary>Opens a matrix.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Path of the module.</param>
    /// <param name="quantization">Its settings.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, or the three don't fit each other or the settings.</exception>
    /// <param name="stacked">Matrices that lie one behind the other in each tensor, and are given as one; 0 = it is a single
    /// matrix.</param>
    public static MlxMatrix Open(SafetensorsModel model, string directory, string module, MlxQuantization quantization, int stacked = 0)
    {
        ArgumentNullException.ThrowIfNull(quantization);
        (SafetensorsTensorInfo packed, int rows,
            int words) = MatrixShape.Require(model, directory, $"{module}.weight", stacked, SafetensorsDType.U32);
        SafetensorsDType[] floats = [SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16];
        (SafetensorsTensorInfo scales, _, int groups) = MatrixShape.Require(model, directory, $"{module}.scales", stacked, floats);
        (SafetensorsTensorInfo biases, _, _) = MatrixShape.Require(model, directory, $"{module}.biases", stacked, scales.DType);
        long columns = (long)groups * quantization.GroupSize;
        MatrixShape.Expect(model, scales, rows, groups);
        MatrixShape.Expect(model, biases, rows, groups);
        if (columns > int.MaxValue / 8 || columns * quantization.Bits != words * 32L)
        {
            throw MatrixShape.Wrong(
                model, packed,
                $"has {words} words per row, but {groups} groups of {quantization.GroupSize} quants of {quantization.Bits} bits "
                + $"take {columns * quantization.Bits / 32.0:0.##}.");
        }

        return new MlxMatrix(model, quantization, rows, (int)columns, packed, scales, biases);
    }

    /// <summary>Packed quants of a row, <c>columns · bits / 8</c> bytes, valid until the model is disposed.</summary>
    /// <param name="row">The row.</param>
    public ReadOnlySpan<byte> Packed(int row)
    {
        int bytes = MlxAffine.PackedBytes(Columns, Quantization.Bits);
        return _model.Span(_packed, (long)row * bytes, bytes);
    }

    /// <summary>Scales and biases of a row, as floats.</summary>
    /// <param name="row">The row.</param>
    /// <param name="scales">[<see cref="Groups"/>].</param>
    /// <param name="biases">[<see cref="Groups"/>].</param>
    public void ReadScales(int row, Span<float> scales, Span<float> biases)
    {
        int bytes = Groups * _scales.ElementBytes;
        _floats.Dequantize(_model.Span(_scales, (long)row * bytes, bytes), scales);
        _floats.Dequantize(_model.Span(_biases, (long)row * bytes, bytes), biases);
    }

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        float[] rented = ArrayPool<float>.Shared.Rent(2 * Groups);
        Span<float> scales = rented.AsSpan(0, Groups);
        Span<float> biases = rented.AsSpan(Groups, Groups);
        for (int i = 0; i < rowCount; i++)
        {
            ReadScales(firstRow + i, scales, biases);
            MlxAffine.DequantizeRow(Packed(firstRow + i), scales, biases, Quantization, output.Slice(i * Columns, Columns));
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        int first = firstColumn / Quantization.GroupSize;
        int groups = output.Length / Quantization.GroupSize;
        Span<float> scales = stackalloc float[PieceGroups];
        Span<float> biases = stackalloc float[PieceGroups];
        int elementBytes = _scales.ElementBytes;
        for (int g = 0; g < groups; g += PieceGroups)
        {
            int count = Math.Min(PieceGroups, groups - g);
            long at = ((long)row * Groups + first + g) * elementBytes;
            _floats.Dequantize(_model.Span(_scales, at, count * elementBytes), scales[..count]);
            _floats.Dequantize(_model.Span(_biases, at, count * elementBytes), biases[..count]);
            int column = g * Quantization.GroupSize;
            MlxAffine.DequantizeRow(
                Packed(row)
                    .Slice(MlxAffine.PackedBytes(firstColumn + column, Quantization.Bits),
                        MlxAffine.PackedBytes(count * Quantization.GroupSize, Quantization.Bits)),
                scales[..count], biases[..count], Quantization, output.Slice(column, count * Quantization.GroupSize));
        }
    }
}
