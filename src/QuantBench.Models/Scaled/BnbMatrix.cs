using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>
/// A matrix in bitsandbytes' 4-bit code. <c>weight</c> holds all elements row by row, two per byte, the first in the high half; each is an
/// index into <c>weight.quant_map</c> [16], times the scale of its block of all elements: <c>weight.absmax</c> as floats, or as bytes that
/// are indices into <c>weight.nested_quant_map</c> [256], times <c>weight.nested_absmax</c> of their block, plus an offset.
/// </summary>
internal sealed class BnbMatrix : IWeightMatrix
{
    private readonly SafetensorsModel _model;
    private readonly SafetensorsTensorInfo _elements;
    private readonly float[] _map;
    private readonly float[] _scales;
    private readonly int _blockSize;

    private BnbMatrix(SafetensorsModel model, SafetensorsTensorInfo elements, int rows, int columns, float[] map, float[] scales,
        int blockSize, long bytes) =>
        (_model, _elements, Rows, Columns, _map, _scales, _blockSize, ByteSize) =
            (model, elements, rows, columns, map, scales, blockSize, bytes);

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize { get; }

    /// <summary>How it is stored, in words.</summary>
    public string Kind => $"4 bits of a table, blocks of {_blockSize}";

    /// <summary>Opens a matrix.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Path of the module.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, or they don't fit each other.</exception>
    public static BnbMatrix Open(SafetensorsModel model, string directory, string module)
    {
        string weight = $"{module}.weight";
        SafetensorsTensorInfo elements = Find(model, directory, weight, SafetensorsDType.U8);
        string kind = model.Tensors.ContainsKey($"{weight}.quant_state.bitsandbytes__nf4") ? "nf4" : "fp4";
        SafetensorsTensorInfo state = Find(model, directory, $"{weight}.quant_state.bitsandbytes__{kind}", SafetensorsDType.U8);
        if (state.ByteSize > 1 << 16) throw MatrixShape.Wrong(model, state, "is larger than any such description.");
        ModelJson json = ModelJson.Parse(model.Span(state, 0, (int)state.ByteSize).ToArray(), model.Files[state.Part], state.Offset);
        ModelJson shape = json.Get("shape");
        if (shape.Count != 2) throw shape.Wrong("two numbers above 0");
        int rows = shape[0].AsInt32(1, int.MaxValue), columns = shape[1].AsInt32(1, int.MaxValue / 8);
        int blockSize = json.Get("blocksize").AsInt32(1, 1 << 20);
        long count = (long)rows * columns;
        if (elements.ByteSize != (count + 1) / 2)
        {
            throw MatrixShape.Wrong(model, elements,
                $"has {elements.ByteSize} bytes, but a matrix of [{rows}, {columns}] takes {(count + 1) / 2}.");
        }

        long blocks = (count + blockSize - 1) / blockSize;
        SafetensorsTensorInfo absmax = Find(model, directory, $"{weight}.absmax", SafetensorsDType.U8, SafetensorsDType.F32);
        if (absmax.ElementCount != blocks)
            throw MatrixShape.Wrong(model, absmax, $"has {absmax.ElementCount} scales; {blocks} were expected.");
        return new BnbMatrix(model, elements, rows, columns, Floats(model, directory, $"{weight}.quant_map", 16),
            absmax.DType == SafetensorsDType.F32 ? Floats(model, directory, absmax.Name, blocks)
                : Nested(model, directory, weight, absmax, json),
            blockSize,
            model.Tensors.Values.Where(t => t.Name == weight || t.Name.StartsWith($"{weight}.", StringComparison.Ordinal))
                .Sum(t => t.ByteSize));
    }

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        Read((long)firstRow * Columns, output);
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        Read(((long)row * Columns) + firstColumn, output);
    }

    private static SafetensorsTensorInfo Find(SafetensorsModel model, string directory, string name,
        params ReadOnlySpan<SafetensorsDType> types)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor))
        {
            throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.",
                "The model's files don't belong together; fetch them again.");
        }

        return types.Contains(tensor.DType) ? tensor
            : throw MatrixShape.Wrong(model, tensor, $"is of type {tensor.DType}; {string.Join(", ", types.ToArray())} was expected.");
    }

    private static float[] Floats(SafetensorsModel model, string directory, string name, long count)
    {
        SafetensorsTensorInfo tensor = Find(model, directory, name, SafetensorsDType.F32);
        return tensor.ElementCount == count ? MemoryMarshal.Cast<byte, float>(model.Span(tensor, 0, (int)tensor.ByteSize)).ToArray()
            : throw MatrixShape.Wrong(model, tensor, $"has {tensor.ElementCount} numbers; {count} were expected.");
    }

    private static float[] Nested(SafetensorsModel model, string directory, string weight, SafetensorsTensorInfo absmax, ModelJson json)
    {
        int size = json.Get("nested_blocksize").AsInt32(1, 1 << 20);
        float offset = (float)json.Get("nested_offset").AsDouble();
        float[] map = Floats(model, directory, $"{weight}.nested_quant_map", 256);
        ReadOnlySpan<byte> codes = model.Span(absmax, 0, (int)absmax.ByteSize);
        float[] outer = Floats(model, directory, $"{weight}.nested_absmax", ((long)codes.Length + size - 1) / size);
        float[] scales = new float[codes.Length];
        for (int i = 0; i < scales.Length; i++)
        {
            float scale = map[codes[i]] * outer[i / size];
            scales[i] = scale + offset;
        }

        return scales;
    }

    private void Read(long first, Span<float> output)
    {
        if (output.Length == 0) return;
        ReadOnlySpan<byte> stored = _model.Span(_elements, first / 2, (int)(((first + output.Length + 1) / 2) - (first / 2)));
        for (int i = 0; i < output.Length; i++)
        {
            long at = first + i;
            int shift = (at & 1) == 0 ? 4 : 0;
            output[i] = _map[stored[(int)((at / 2) - (first / 2))] >> shift & 15] * _scales[at / _blockSize];
        }
    }
}
