using System.Buffers.Binary;
using System.Numerics.Tensors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Managed.Tests.Kernels;

/// <summary>A matrix of random bytes with finite scales, and 8-bit inputs for it.</summary>
internal sealed unsafe class RandomMatrix : IDisposable
{
    private readonly NativeBuffer _bytes;

    public RandomMatrix(GgmlType type, int rows, int columns, int tokens, int seed)
    {
        var random = new Random(seed);
        GgmlTypeInfo info = GgmlTypes.Get(type);
        long size = GgmlTypes.ByteSize(type, columns) * rows;
        _bytes = new NativeBuffer(size);
        var bytes = new Span<byte>(_bytes.As<byte>(), (int)size);
        random.NextBytes(bytes);
        for (int at = 0; at < size; at += info.BlockBytes)
        {
            if (type == GgmlType.F32) BinaryPrimitives.WriteSingleLittleEndian(bytes[at..], (float)(random.NextDouble() - 0.5));
            if (type == GgmlType.BF16)
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[at..],
                    (ushort)(BitConverter.SingleToUInt32Bits((float)(random.NextDouble() - 0.5)) >> 16));
            if (type == GgmlType.MXFP4) bytes[at] = (byte)random.Next(120, 126);
            foreach (int offset in ScaleOffsets(type))
                BinaryPrimitives.WriteHalfLittleEndian(bytes[(at + offset)..], (Half)((random.NextDouble() - 0.5) * 0.1));
            if (type == GgmlType.IQ1_M)
                SetSpreadScale(bytes.Slice(at + 48, 8), BitConverter.HalfToUInt16Bits((Half)((random.NextDouble() - 0.5) * 0.1)));
        }

        Weights = new WeightMatrix(_bytes.As<byte>(), type, rows, columns);
        Inputs = new Activations(tokens, columns);
        Tokens = tokens;
        for (int t = 0; t < tokens; t++)
        {
            for (int i = 0; i < columns; i++)
                Inputs.Values[((long)t * Inputs.Stride) + i] = (float)((random.NextDouble() - 0.5) * (1 + (i % 7)));
            if (columns % 32 == 0) ScalarKernels.QuantizeBlocks(Inputs, t, 0, columns);
        }

        Scratch = new WorkerScratch(columns, 16);
    }

    public WeightMatrix Weights { get; }

    public Activations Inputs { get; }

    public int Tokens { get; }

    public WorkerScratch Scratch { get; }

    /// <summary>Makes every byte the same but the scales.</summary>
    public void FillBlocks(byte fill, ushort scale)
    {
        GgmlType type = Weights.Type;
        int blockBytes = GgmlTypes.Get(type).BlockBytes;
        var bytes = new Span<byte>(Weights.Data, (int)(Weights.RowBytes * Weights.Rows));
        bytes.Fill(fill);
        for (int at = 0; at < bytes.Length; at += blockBytes)
        {
            foreach (int offset in ScaleOffsets(type)) BinaryPrimitives.WriteUInt16LittleEndian(bytes[(at + offset)..], scale);
            if (type == GgmlType.IQ1_M) SetSpreadScale(bytes.Slice(at + 48, 8), scale);
            if (type == GgmlType.MXFP4) bytes[at] = (byte)(scale >> 8);
        }
    }

    /// <summary>Numbers in a block, or in a run of blocks, that scale the others; of floats, the numbers themselves.</summary>
    public static int Scales(GgmlType type) => type switch
    {
        GgmlType.NVFP4 => 4,
        GgmlType.MXFP4 or GgmlType.IQ1_M or GgmlType.BF16 => 1,
        _ => ScaleOffsets(type).Length,
    };

    /// <summary>Gives one scale of all blocks of a row some bits; of floats, one of the row's.</summary>
    public void SetScale(int row, int field, ushort bits)
    {
        GgmlType type = Weights.Type;
        int blockBytes = GgmlTypes.Get(type).BlockBytes;
        var bytes = new Span<byte>(Weights.Row(row), (int)Weights.RowBytes);
        if (type is GgmlType.F16 or GgmlType.BF16) bytes = bytes.Slice(2 * (row % Weights.Columns), 2);
        for (int at = 0; at < bytes.Length; at += blockBytes)
        {
            Span<byte> block = bytes.Slice(at, blockBytes);
            if (type is GgmlType.MXFP4 or GgmlType.NVFP4) block[field] = (byte)bits;
            else if (type == GgmlType.IQ1_M) SetSpreadScale(block.Slice(48, 8), bits);
            else BinaryPrimitives.WriteUInt16LittleEndian(block[(type == GgmlType.BF16 ? 0 : ScaleOffsets(type)[field])..], bits);
        }
    }

    /// <summary>The product in double precision, and the sum of magnitudes that rounding errors scale with.</summary>
    public (double Value, double Magnitude) Exact(int row, int token, bool quantizedInputs)
    {
        Span<float> weights = stackalloc float[Weights.Columns];
        GgmlTypes.Codec(Weights.Type).DequantizeScalar(new ReadOnlySpan<byte>(Weights.Row(row), (int)Weights.RowBytes), weights);
        return Exact(weights, token, quantizedInputs);
    }

    /// <summary>The same for a row's weights.</summary>
    public (double Value, double Magnitude) Exact(ReadOnlySpan<float> weights, int token, bool quantizedInputs)
    {
        double sum = 0, magnitude = 0, largest = Math.Abs(TensorPrimitives.MaxMagnitude(weights));
        long offset = (long)token * Inputs.Stride;
        for (int i = 0; i < weights.Length; i++)
        {
            double x = quantizedInputs
                ? (double)Inputs.Scales[((long)token * Inputs.BlockStride) + (i / 32)] * Inputs.Bytes[offset + i]
                : Inputs.Values[offset + i];
            sum += weights[i] * x;

            // Types with minima or offsets cancel terms as large as the row's largest weight, so that counts too.
            magnitude += (Math.Abs(weights[i]) + largest) * Math.Abs(x);
        }

        return (sum, magnitude);
    }

    public void Dispose()
    {
        _bytes.Dispose();
        Inputs.Dispose();
        Scratch.Dispose();
    }

    /// <summary>IQ1_M keeps its scale in the top 4 bits of four 16-bit words, lowest nibble first.</summary>
    private static void SetSpreadScale(Span<byte> words, ushort scale)
    {
        for (int i = 0; i < 4; i++) words[(2 * i) + 1] = (byte)((words[(2 * i) + 1] & 0x0F) | (((scale >> (4 * i)) & 15) << 4));
    }

    private static int[] ScaleOffsets(GgmlType type) => type switch
    {
        GgmlType.F16 or GgmlType.Q4_0 or GgmlType.Q5_0 or GgmlType.Q8_0 or GgmlType.IQ4_NL or GgmlType.IQ4_XS or GgmlType.IQ1_S
            or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S or GgmlType.Q1_0
            or GgmlType.Q2_0 => [0],
        GgmlType.Q4_1 or GgmlType.Q5_1 or GgmlType.Q4_K or GgmlType.Q5_K => [0, 2],
        GgmlType.Q2_K => [80, 82],
        GgmlType.Q3_K => [108],
        GgmlType.Q6_K => [208],
        GgmlType.TQ1_0 => [52],
        GgmlType.TQ2_0 => [64],
        _ => [],
    };
}
