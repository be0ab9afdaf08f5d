using System.Buffers;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Gptq;

/// <summary>
/// A matrix in GPTQ's code. <c>qweight</c> [columns · bits / 32, rows] packs quants of consecutive input features as one stream of bits,
/// lowest first, so that 3 bits cross words' borders;
/// <c>qzeros</c> [groups, rows · bits / 32] packs zero points of consecutive outputs; <c>scales</c> [groups, rows]; <c>g_idx</c>
/// [columns], if there, is the group of each input feature (act-order), else feature c is in group c / group size.
/// <c>x = scale · (q − zero)</c> in single precision.
/// </summary>
/// <remarks>
/// In format <c>gptq</c> zero points are stored less one, modulo 2^bits; the one is added back here, so a stored 2^bits − 1 means 0.
/// </remarks>
public sealed class GptqMatrix : IGroupedMatrix
{
    private readonly SafetensorsModel _model;
    private readonly GptqConfig _config;
    private readonly SafetensorsTensorInfo _quants;
    private readonly SafetensorsTensorInfo _zeros;
    private readonly SafetensorsTensorInfo _scales;
    private readonly SafetensorsTensorInfo? _order;
    private readonly int _groups;
    private readonly int[] _groupOf;

    private GptqMatrix(
        SafetensorsModel model, GptqConfig config, int rows, int columns, int groups,
        SafetensorsTensorInfo quants, SafetensorsTensorInfo zeros, SafetensorsTensorInfo scales, SafetensorsTensorInfo? order)
    {
        (_model, _config, Rows, Columns, _groups, _quants, _zeros, _scales, _order) = (model, config, rows, columns, groups, quants, zeros,
            scales, order);
        _groupOf = ReadGroups();
    }

    /// <inheritdoc/>
    public int Rows { get; }

    /// <inheritdoc/>
    public int Columns { get; }

    /// <inheritdoc/>
    public long ByteSize => _quants.ByteSize + _zeros.ByteSize + _scales.ByteSize + (_order?.ByteSize ?? 0);

    /// <inheritdoc/>
    public int Bits => _config.Bits;

    /// <inheritdoc/>
    public int GroupSize
    {
        get
        {
            // An order that is stored may be the plain one.
            int size = _config.GroupSize == -1 ? Columns : _config.GroupSize;
            if (Columns % size != 0) return 0;
            for (int c = 0; c < Columns; c++)
            {
                if (_groupOf[c] != c / size) return 0;
            }

            return size;
        }
    }

    /// <summary>Group of each input feature.</summary>
    internal ReadOnlySpan<int> GroupOf => _groupOf;

    /// <summary>Number of groups.</summary>
    internal int GroupCount => _groups;

    /// <summary>Opens a matrix.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Path of the module.</param>
    /// <param name="config">Settings of the model.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, or they don't fit each other or the settings.</exception>
    public static GptqMatrix Open(SafetensorsModel model, string directory, string module, GptqConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        (SafetensorsTensorInfo quants, int wordRows,
            int rows) = MatrixShape.Require(model, directory, $"{module}.qweight", SafetensorsDType.I32, SafetensorsDType.U32);
        (SafetensorsTensorInfo zeros, int zeroRows,
            int zeroWords) = MatrixShape.Require(model, directory, $"{module}.qzeros", SafetensorsDType.I32, SafetensorsDType.U32);
        (SafetensorsTensorInfo scales, _, _) =
            MatrixShape.Require(model, directory, $"{module}.scales", SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16);
        if (config.IsMixed) config = OfModule(config, model, zeros, wordRows, rows, zeroRows, zeroWords);
        (int words, int perRun) = Run(config.Bits);
        if (wordRows > int.MaxValue / 8 / perRun) throw MatrixShape.Wrong(model, quants, "is too large.");
        if (wordRows % words != 0) throw MatrixShape.Wrong(model, quants, $"has {wordRows} rows of words, not a multiple of {words}.");
        int columns = wordRows / words * perRun;
        if (rows % perRun != 0) throw MatrixShape.Wrong(model, quants, $"has {rows} outputs, not a multiple of {perRun}.");
        int groups = config.GroupSize == -1 ? 1 : (int)(((long)columns + config.GroupSize - 1) / config.GroupSize);
        MatrixShape.Expect(model, zeros, groups, rows / perRun * words);
        MatrixShape.Expect(model, scales, groups, rows);
        if (!model.Tensors.TryGetValue($"{module}.g_idx", out SafetensorsTensorInfo? order))
        {
            return new GptqMatrix(model, config, rows, columns, groups, quants, zeros, scales, null);
        }

        if (order.DType != SafetensorsDType.I32) throw MatrixShape.Wrong(model, order, $"is of type {order.DType}; I32 was expected.");
        MatrixShape.Expect(model, order, columns);
        return new GptqMatrix(model, config, rows, columns, groups, quants, zeros, scales, order);
    }

    /// <inheritdoc/>
    public void ReadRows(int firstRow, int rowCount, Span<float> output)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, output.Length);
        if (rowCount == 0) return;
        (int words, int perRun) = Run(_config.Bits);
        float[] rented = ArrayPool<float>.Shared.Rent(checked(2 * _groups * rowCount));
        Span<float> scales = rented.AsSpan(0, _groups * rowCount);
        Span<float> zeros = rented.AsSpan(_groups * rowCount, _groups * rowCount);
        ReadGroupRows(firstRow, rowCount, scales, zeros);
        Span<byte> quants = stackalloc byte[32];
        quants = quants[..perRun];

        // A run of words holds inputs of all outputs, so these are read run by run.
        for (int u = 0; u < Columns / perRun; u++)
        {
            ReadOnlySpan<uint> line = Line(u * words, firstRow, rowCount);
            ReadOnlySpan<uint> second = words == 1 ? [] : Line((u * words) + 1, firstRow, rowCount);
            ReadOnlySpan<uint> third = words == 1 ? [] : Line((u * words) + 2, firstRow, rowCount);
            for (int r = 0; r < rowCount; r++)
            {
                if (words == 1) Unpack(line[r], quants);
                else Unpack(line[r], second[r], third[r], quants);
                Span<float> target = output.Slice(r * Columns + u * perRun, perRun);
                ReadOnlySpan<int> groups = _groupOf.AsSpan(u * perRun, perRun);
                for (int k = 0; k < perRun; k++)
                {
                    int at = groups[k] * rowCount + r;
                    target[k] = scales[at] * (quants[k] - zeros[at]);
                }
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    /// <inheritdoc/>
    public void ReadPiece(int row, int firstColumn, Span<float> output)
    {
        MatrixShape.CheckPiece(this, row, firstColumn, output.Length);
        if (output.Length == 0) return;
        (int words, int perRun) = Run(_config.Bits);
        float[] rented = ArrayPool<float>.Shared.Rent(2 * _groups);
        Span<float> scales = rented.AsSpan(0, _groups);
        Span<float> zeros = rented.AsSpan(_groups, _groups);

        // With act-order any column may be of any group; else only these few are needed.
        int firstGroup = _order is null ? _groupOf[firstColumn] : 0;
        int lastGroup = _order is null ? _groupOf[firstColumn + output.Length - 1] : _groups - 1;
        for (int g = firstGroup; g <= lastGroup; g++) ReadGroup(row, g, out scales[g], out zeros[g]);
        ReadOnlySpan<int> groups = _groupOf.AsSpan(firstColumn, output.Length);
        Span<byte> quants = stackalloc byte[32];
        quants = quants[..perRun];
        for (int c = 0; c < output.Length; c += perRun)
        {
            int at = (firstColumn + c) / perRun * words;
            if (words == 1) Unpack(Line(at, row, 1)[0], quants);
            else Unpack(Line(at, row, 1)[0], Line(at + 1, row, 1)[0], Line(at + 2, row, 1)[0], quants);
            for (int k = 0; k < perRun; k++)
            {
                int g = groups[c + k];
                output[c + k] = scales[g] * (quants[k] - zeros[g]);
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    /// <inheritdoc/>
    public void ReadQuants(int firstRow, int rowCount, Span<byte> quants)
    {
        MatrixShape.CheckRun(this, firstRow, rowCount, checked(rowCount * Columns));
        (int words, int perRun) = Run(_config.Bits);
        for (int u = 0; u < Columns / perRun; u++)
        {
            ReadOnlySpan<uint> line = Line(u * words, firstRow, rowCount);
            ReadOnlySpan<uint> second = words == 1 ? [] : Line((u * words) + 1, firstRow, rowCount);
            ReadOnlySpan<uint> third = words == 1 ? [] : Line((u * words) + 2, firstRow, rowCount);
            for (int r = 0; r < rowCount; r++)
            {
                Span<byte> target = quants.Slice(r * Columns + u * perRun, perRun);
                if (words == 1) Unpack(line[r], target);
                else Unpack(line[r], second[r], third[r], target);
            }
        }
    }

    /// <inheritdoc/>
    public void ReadGroups(int row, Span<float> scales, Span<float> zeros)
    {
        for (int g = 0; g < _groups; g++) ReadGroup(row, g, out scales[g], out zeros[g]);
    }

    /// <summary>A module's own bits and group size, which its tensors' shapes leave no doubt about.</summary>
    private static GptqConfig OfModule(GptqConfig config, SafetensorsModel model, SafetensorsTensorInfo zeros, int wordRows, int rows,
        int groups, int zeroWords)
    {
        long bits = 32L * zeroWords / rows;
        if (bits is not (2 or 3 or 4 or 8) || bits * rows != 32L * zeroWords)
        {
            throw new UnsupportedException(model.Files[zeros.Part],
                $"the tensor '{zeros.Name}' isn't of 2, 3, 4 or 8 bits, which are those that are read.");
        }

        long columns = wordRows * 32L / bits;
        if (config.GroupSize > 0 && (columns + config.GroupSize - 1) / config.GroupSize == groups)
            return config with { Bits = (int)bits };
        return columns % groups == 0 && columns / groups <= int.MaxValue
            ? config with { Bits = (int)bits, GroupSize = (int)(columns / groups) }
            : throw MatrixShape.Wrong(model, zeros, $"has {groups} groups, which {columns} inputs don't fill.");
    }

    private void ReadGroup(int row, int group, out float scale, out float zero)
    {
        scale = 0;
        FloatMatrix.CodecOf(_scales.DType).Dequantize(
            _model.Span(_scales, ((long)group * Rows + row) * _scales.ElementBytes, _scales.ElementBytes),
            MemoryMarshal.CreateSpan(ref scale, 1));
        zero = Zero(ZeroWords(group), row);
    }

    /// <summary>Scales and zero points of a run of outputs, [groups, rowCount].</summary>
    private void ReadGroupRows(int firstRow, int rowCount, Span<float> scales, Span<float> zeros)
    {
        for (int g = 0; g < _groups; g++)
        {
            ReadOnlySpan<byte> stored =
                _model.Span(_scales, ((long)g * Rows + firstRow) * _scales.ElementBytes, rowCount * _scales.ElementBytes);
            FloatMatrix.CodecOf(_scales.DType).Dequantize(stored, scales.Slice(g * rowCount, rowCount));
            ReadOnlySpan<uint> words = ZeroWords(g);
            for (int r = 0; r < rowCount; r++) zeros[g * rowCount + r] = Zero(words, firstRow + r);
        }
    }

    /// <summary>Words that hold whole quants, and how many.</summary>
    private static (int Words, int Quants) Run(int bits) => bits == 3 ? (3, 32) : (1, 32 / bits);

    /// <summary>Words of a run of outputs.</summary>
    private ReadOnlySpan<uint> Line(int line, int firstRow, int rowCount) =>
        MemoryMarshal.Cast<byte, uint>(_model.Span(_quants, ((long)line * Rows + firstRow) * 4, rowCount * 4));

    private void Unpack(uint word, Span<byte> quants)
    {
        uint mask = (1u << _config.Bits) - 1;
        for (int k = 0; k < quants.Length; k++) quants[k] = (byte)(word >> (_config.Bits * k) & mask);
    }

    /// <summary>32 quants of 3 bits.</summary>
    private static void Unpack(uint first, uint second, uint third, Span<byte> quants)
    {
        UInt128 stream = first | (ulong)second << 32 | (UInt128)third << 64;
        for (int k = 0; k < quants.Length; k++) quants[k] = (byte)((uint)(stream >> (3 * k)) & 7);
    }

    private ReadOnlySpan<uint> ZeroWords(int group)
    {
        int words = Rows * _config.Bits / 32;
        return MemoryMarshal.Cast<byte, uint>(_model.Span(_zeros, (long)group * words * 4, words * 4));
    }

    private uint Zero(ReadOnlySpan<uint> words, int row)
    {
        (int word, int bit) = Math.DivRem(row * _config.Bits, 32);
        uint zero = words[word] >> bit;
        if (bit + _config.Bits > 32) zero |= words[word + 1] << (32 - bit);
        return (zero + (uint)_config.ZeroShift) & ((1u << _config.Bits) - 1);
    }

    private int[] ReadGroups()
    {
        int[] groups = new int[Columns];
        if (_order is null)
        {
            int size = _config.GroupSize == -1 ? Columns : _config.GroupSize;
            for (int c = 0; c < Columns; c++) groups[c] = c / size;
            return groups;
        }

        MemoryMarshal.Cast<byte, int>(_model.Span(_order, 0, (int)_order.ByteSize)).CopyTo(groups);
        foreach (int group in groups)
        {
            if (group < 0 || group >= _groups) throw MatrixShape.Wrong(_model, _order, $"names group {group}, but there are {_groups}.");
        }

        return groups;
    }
}
