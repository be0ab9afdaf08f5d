using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Products for many tokens (prefill) by tensor cores: a group of four warps computes a tile of 64 rows by 64 tokens, a warp 32 by 32 of
/// it. For each 32 columns the weights of the tile are decoded once into shared memory. There are two such tiles in shared memory: while
/// one is multiplied, the next is on its way from the device's memory to registers, and is then stored into the other. Grid: (row tiles,
/// token tiles).
/// </summary>
internal static class TensorKernels
{
    /// <summary>Rows and tokens of a tile.</summary>
    public const int Tile = 64;

    /// <summary>Threads of a group; no other size works.</summary>
    public const int Threads = 4 * TensorCore.WarpThreads;

    // Rows of a shared tile are 16-byte units and one more, so that the eight rows that a load touches lie in different banks.
    private const int ByteStride = 3;
    private const int FloatStride = 5;

    // 1.5·2²³: added to an integer of less than 2²² as bits, it is the float of that integer plus itself. Tensor cores start their sums
    // with it.
    private const int IntegerBits = 0x4B400000;
    private const float IntegerShift = 12_582_912f;

    /// <summary>Quantized weights with 8-bit inputs. Shared memory: 16 KiB.</summary>
    /// <param name="m">The weights.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="first">Where the matrix's first row goes within a token's results.</param>
    public static void Quantized<TFormat>(MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride, int first)
        where TFormat : struct, IChunkFormat
    {
        ArrayView<Int4> weights = SharedMemory.Allocate<Int4>(2 * Tile * ByteStride);
        ArrayView<Int4> inputs = SharedMemory.Allocate<Int4>(2 * Tile * ByteStride);
        ArrayView<Float4> scales = SharedMemory.Allocate<Float4>(2 * Tile);
        ArrayView<Float4> inputScales = SharedMemory.Allocate<Float4>(2 * Tile);
        ArrayView<int> weightWords = weights.Cast<int>(), inputWords = inputs.Cast<int>();
        TFormat format = default;
        int thread = Group.IdxX;
        int loads = thread & (Tile - 1);
        bool loadsWeights = thread < Tile;
        int row = (Grid.IdxX * Tile) + loads, token = (Grid.IdxY * Tile) + loads;
        int lane = thread & (TensorCore.WarpThreads - 1), warp = thread / TensorCore.WarpThreads;
        int g = lane >> 2, t = lane & 3;
        int warpRow = 32 * (warp & 1), warpToken = 32 * (warp >> 1);
        Float4 s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default;
        WeightChunk w = loadsWeights && row < m.Rows ? format.Load(m, row * m.Chunks) : default;
        InputChunk a = !loadsWeights && token < tokens ? x.Load(token, 0) : default;
        Put(weights, inputs, scales, inputScales, 0, loads, loadsWeights, w, a);
        Group.Barrier();
        for (int c = 0; c < m.Chunks; c++)
        {
            bool more = c + 1 < m.Chunks;
            w = more && loadsWeights && row < m.Rows ? format.Load(m, (row * m.Chunks) + c + 1) : default;
            a = more && !loadsWeights && token < tokens ? x.Load(token, c + 1) : default;
            int at = (c & 1) * Tile;
            int weight = ((at + warpRow + g) * 4 * ByteStride) + t, input = ((at + warpToken + g) * 4 * ByteStride) + t;
            int scale = at + warpRow + g, inputScale = at + warpToken + (2 * t);
            Rows16 upper = LoadRows(weightWords, scales, weight, scale),
                lower = LoadRows(weightWords, scales, weight + (16 * 4 * ByteStride), scale + 16);
            Columns8 tokens0 = LoadColumns(inputWords, inputScales, input, inputScale);
            s00 = Add(format, upper, tokens0, s00);
            s10 = Add(format, lower, tokens0, s10);
            Columns8 tokens1 = LoadColumns(inputWords, inputScales, input + (8 * 4 * ByteStride), inputScale + 8);
            s01 = Add(format, upper, tokens1, s01);
            s11 = Add(format, lower, tokens1, s11);
            Columns8 tokens2 = LoadColumns(inputWords, inputScales, input + (16 * 4 * ByteStride), inputScale + 16);
            s02 = Add(format, upper, tokens2, s02);
            s12 = Add(format, lower, tokens2, s12);
            Columns8 tokens3 = LoadColumns(inputWords, inputScales, input + (24 * 4 * ByteStride), inputScale + 24);
            s03 = Add(format, upper, tokens3, s03);
            s13 = Add(format, lower, tokens3, s13);

            // The other tile was last read before the barrier that ended the step before.
            Put(weights, inputs, scales, inputScales, ((c + 1) & 1) * Tile, loads, loadsWeights, w, a);
            Group.Barrier();
        }

        int outRow = (Grid.IdxX * Tile) + warpRow + g, outToken = (Grid.IdxY * Tile) + warpToken + (2 * t);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken, s00);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken + 8, s01);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken + 16, s02);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken + 24, s03);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken, s10);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken + 8, s11);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken + 16, s12);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken + 24, s13);
    }

    /// <summary>
    /// Floating-point weights with floating-point inputs, both as sums of two bfloats: high·high + high·low + low·high, which is within
    /// 2⁻¹⁵ of each product and can't overflow. Weights of 16 bits are such sums exactly. Shared memory: 40 KiB.
    /// </summary>
    /// <inheritdoc cref="Quantized{TFormat}"/>
    public static void Float<TFormat>(MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride, int first)
        where TFormat : struct, IFloatFormat
    {
        ArrayView<Int4> high = SharedMemory.Allocate<Int4>(2 * Tile * FloatStride),
            low = SharedMemory.Allocate<Int4>(2 * Tile * FloatStride);
        ArrayView<Int4> inputHigh = SharedMemory.Allocate<Int4>(2 * Tile * FloatStride),
            inputLow = SharedMemory.Allocate<Int4>(2 * Tile * FloatStride);
        ArrayView<int> highWords = high.Cast<int>(), lowWords = low.Cast<int>(), inputHighWords = inputHigh.Cast<int>(),
            inputLowWords = inputLow.Cast<int>();
        TFormat format = default;
        int thread = Group.IdxX;
        int octet = thread & 3, loads = thread >> 2;
        int row = (Grid.IdxX * Tile) + loads, token = (Grid.IdxY * Tile) + loads;
        int lane = thread & (TensorCore.WarpThreads - 1), warp = thread / TensorCore.WarpThreads;
        int g = lane >> 2, t = lane & 3;
        int warpRow = 32 * (warp & 1), warpToken = 32 * (warp >> 1);
        Float4 s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default;
        Float8 w0 = Weights(format, m, row, octet), w1 = Weights(format, m, row + 32, octet);
        Float8 a0 = Inputs(x, tokens, token, octet), a1 = Inputs(x, tokens, token + 32, octet);
        Put(high, low, (loads * FloatStride) + octet, w0, format.IsBfloat);
        Put(high, low, ((loads + 32) * FloatStride) + octet, w1, format.IsBfloat);
        Put(inputHigh, inputLow, (loads * FloatStride) + octet, a0, false);
        Put(inputHigh, inputLow, ((loads + 32) * FloatStride) + octet, a1, false);
        Group.Barrier();
        for (int c = 0; c < m.Chunks; c++)
        {
            // Behind the last column nothing is loaded that is used.
            int next = (4 * IntrinsicMath.Min(c + 1, m.Chunks - 1)) + octet;
            w0 = Weights(format, m, row, next);
            w1 = Weights(format, m, row + 32, next);
            a0 = Inputs(x, tokens, token, next);
            a1 = Inputs(x, tokens, token + 32, next);
            int at = (c & 1) * Tile * 4 * FloatStride;
            int weight = at + ((warpRow + g) * 4 * FloatStride) + t, input = at + ((warpToken + g) * 4 * FloatStride) + t;
            for (int k = 0; k < 2; k++, weight += 8, input += 8)
            {
                FloatRows16 upper = LoadRows(format, highWords, lowWords, weight),
                    lower = LoadRows(format, highWords, lowWords, weight + (16 * 4 * FloatStride));
                FloatColumns8 tokens0 = LoadColumns(inputHighWords, inputLowWords, input);
                s00 = Add(format, upper, tokens0, s00);
                s10 = Add(format, lower, tokens0, s10);
                FloatColumns8 tokens1 = LoadColumns(inputHighWords, inputLowWords, input + (8 * 4 * FloatStride));
                s01 = Add(format, upper, tokens1, s01);
                s11 = Add(format, lower, tokens1, s11);
                FloatColumns8 tokens2 = LoadColumns(inputHighWords, inputLowWords, input + (16 * 4 * FloatStride));
                s02 = Add(format, upper, tokens2, s02);
                s12 = Add(format, lower, tokens2, s12);
                FloatColumns8 tokens3 = LoadColumns(inputHighWords, inputLowWords, input + (24 * 4 * FloatStride));
                s03 = Add(format, upper, tokens3, s03);
                s13 = Add(format, lower, tokens3, s13);
            }

            int to = (((((c + 1) & 1) * Tile) + loads) * FloatStride) + octet;
            Put(high, low, to, w0, format.IsBfloat);
            Put(high, low, to + (32 * FloatStride), w1, format.IsBfloat);
            Put(inputHigh, inputLow, to, a0, false);
            Put(inputHigh, inputLow, to + (32 * FloatStride), a1, false);
            Group.Barrier();
        }

        int outRow = (Grid.IdxX * Tile) + warpRow + g, outToken = (Grid.IdxY * Tile) + warpToken + (2 * t);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken, s00);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken + 8, s01);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken + 16, s02);
        Store(output, stride, first, m.Rows, tokens, outRow, outToken + 24, s03);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken, s10);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken + 8, s11);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken + 16, s12);
        Store(output, stride, first, m.Rows, tokens, outRow + 16, outToken + 24, s13);
    }

    /// <summary>A thread's share of a tile goes to shared memory.</summary>
    private static void Put(
        ArrayView<Int4> weights, ArrayView<Int4> inputs, ArrayView<Float4> scales, ArrayView<Float4> inputScales, int tile, int index,
        bool isWeight, WeightChunk w,
        InputChunk a)
    {
        int at = tile + index;
        if (isWeight)
        {
            weights[at * ByteStride] = w.Low;
            weights[(at * ByteStride) + 1] = w.High;
            scales[at] = new Float4 { X = w.ScaleLow, Y = w.ScaleHigh, Z = w.OffsetLow, W = w.OffsetHigh };
        }
        else
        {
            inputs[at * ByteStride] = a.Low;
            inputs[(at * ByteStride) + 1] = a.High;
            inputScales[at] = new Float4 { X = a.Scale, Y = a.SumLow, Z = a.SumHigh };
        }
    }

    private static Rows16 LoadRows(ArrayView<int> weights, ArrayView<Float4> scales, int weight, int scale) => new()
    {
        A0 = weights[weight],
        A1 = weights[weight + (8 * 4 * ByteStride)],
        A2 = weights[weight + 4],
        A3 = weights[weight + (8 * 4 * ByteStride) + 4],
        Upper = scales[scale],
        Lower = scales[scale + 8],
    };

    private static Columns8 LoadColumns(ArrayView<int> inputs, ArrayView<Float4> scales, int input, int scale) =>
        new() { B0 = inputs[input], B1 = inputs[input + 4], Left = scales[scale], Right = scales[scale + 1] };

    /// <summary>Adds 16 rows' products of one chunk with 8 tokens.</summary>
    private static Float4 Add<TFormat>(TFormat format, Rows16 w, Columns8 x, Float4 sums)
        where TFormat : struct, IChunkFormat
    {
        if (format.HasHalves)
        {
            Int4 low = TensorCore.Multiply16(w.A0, w.A1, x.B0, IntegerBits), high = TensorCore.Multiply16(w.A2, w.A3, x.B1, IntegerBits);
            return new Float4
            {
                X = sums.X + Scaled(low.X, high.X, w.Upper, x.Left),
                Y = sums.Y + Scaled(low.Y, high.Y, w.Upper, x.Right),
                Z = sums.Z + Scaled(low.Z, high.Z, w.Lower, x.Left),
                W = sums.W + Scaled(low.W, high.W, w.Lower, x.Right),
            };
        }

        Int4 both = TensorCore.Multiply32(w.A0, w.A1, w.A2, w.A3, x.B0, x.B1, IntegerBits);
        return new Float4
        {
            X = sums.X + Scaled(both.X, w.Upper, x.Left),
            Y = sums.Y + Scaled(both.Y, w.Upper, x.Right),
            Z = sums.Z + Scaled(both.Z, w.Lower, x.Left),
            W = sums.W + Scaled(both.W, w.Lower, x.Right),
        };
    }

    // The sums of 32 products of bytes stay below 2¹⁹.
    private static float Scaled(int low, int high, Float4 w, Float4 x)
    {
        float scaled = (w.X * (Arithmetic.FromBits(low) - IntegerShift)) + (w.Y * (Arithmetic.FromBits(high) - IntegerShift));
        return (x.X * scaled) + (w.Z * x.Y) + (w.W * x.Z);
    }

    private static float Scaled(int both, Float4 w, Float4 x) =>
        (x.X * w.X * (Arithmetic.FromBits(both) - IntegerShift)) + (w.Z * (x.Y + x.Z));

    private static Float8 Weights<TFormat>(TFormat format, MatrixView m, int row, int octet)
        where TFormat : struct, IFloatFormat => row < m.Rows ? format.Load(m, (row * m.Chunks * 4) + octet) : default;

    private static Float8 Inputs(InputView x, int tokens, int token, int octet) => token < tokens ? x.LoadFloats(token, octet) : default;

    /// <summary>Eight floats go to shared memory as eight bfloats and, unless nothing is left, the eight that were missing to
    /// them.</summary>
    private static void Put(ArrayView<Int4> high, ArrayView<Int4> low, int at, Float8 v, bool isBfloat)
    {
        high[at] = new Int4 { X = Pair(v.A, v.B), Y = Pair(v.C, v.D), Z = Pair(v.E, v.F), W = Pair(v.G, v.H) };
        if (isBfloat) return;
        low[at] = new Int4
        {
            X = Pair(Rest(v.A), Rest(v.B)),
            Y = Pair(Rest(v.C), Rest(v.D)),
            Z = Pair(Rest(v.E), Rest(v.F)),
            W = Pair(Rest(v.G), Rest(v.H)),
        };
    }

    private static int Pair(float first, float second) => ((Nearest(first) >> 16) & 0xFFFF) | Nearest(second);

    /// <summary>The bits of the nearest bfloat, in their place as those of a float.</summary>
    private static int Nearest(float x) => (Arithmetic.BitsOf(x) + 0x8000) & unchecked((int)0xFFFF0000);

    /// <summary>What is missing to a float when it is rounded to a bfloat; exact.</summary>
    private static float Rest(float x) => x - Arithmetic.FromBits(Nearest(x));

    private static FloatRows16 LoadRows<TFormat>(TFormat format, ArrayView<int> high, ArrayView<int> low, int weight)
        where TFormat : struct, IFloatFormat
    {
        const int below = 8 * 4 * FloatStride;
        var rows = new FloatRows16
        {
            High0 = high[weight],
            High1 = high[weight + below],
            High2 = high[weight + 4],
            High3 = high[weight + below + 4]
        };
        if (format.IsBfloat) return rows;
        rows.Low0 = low[weight];
        rows.Low1 = low[weight + below];
        rows.Low2 = low[weight + 4];
        rows.Low3 = low[weight + below + 4];
        return rows;
    }

    private static FloatColumns8 LoadColumns(ArrayView<int> high, ArrayView<int> low, int input) =>
        new() { High0 = high[input], High1 = high[input + 4], Low0 = low[input], Low1 = low[input + 4] };

    /// <summary>Adds 16 rows' products of 16 columns with 8 tokens; the small ones first.</summary>
    private static Float4 Add<TFormat>(TFormat format, FloatRows16 w, FloatColumns8 x, Float4 sums)
        where TFormat : struct, IFloatFormat
    {
        sums = TensorCore.MultiplyFloats(w.High0, w.High1, w.High2, w.High3, x.Low0, x.Low1, sums);
        if (!format.IsBfloat) sums = TensorCore.MultiplyFloats(w.Low0, w.Low1, w.Low2, w.Low3, x.High0, x.High1, sums);
        return TensorCore.MultiplyFloats(w.High0, w.High1, w.High2, w.High3, x.High0, x.High1, sums);
    }

    private static void Store(ArrayView<float> output, int stride, int first, int rows, int tokens, int row, int token, Float4 sums)
    {
        long at = ((long)token * stride) + first + row;
        if (token < tokens)
        {
            if (row < rows) output[at] = sums.X;
            if (row + 8 < rows) output[at + 8] = sums.Z;
        }

        if (token + 1 < tokens)
        {
            if (row < rows) output[at + stride] = sums.Y;
            if (row + 8 < rows) output[at + stride + 8] = sums.W;
        }
    }

    /// <summary>A thread's registers of 16 rows of weights, and the scales and offsets of its two rows.</summary>
    private struct Rows16
    {
        public int A0;
        public int A1;
        public int A2;
        public int A3;
        public Float4 Upper;
        public Float4 Lower;
    }

    /// <summary>A thread's registers of 8 tokens, and scale and sums of its two tokens.</summary>
    private struct Columns8
    {
        public int B0;
        public int B1;
        public Float4 Left;
        public Float4 Right;
    }

    /// <summary>A thread's registers of 16 rows of weights as sums of two bfloats.</summary>
    private struct FloatRows16
    {
        public int High0;
        public int High1;
        public int High2;
        public int High3;
        public int Low0;
        public int Low1;
        public int Low2;
        public int Low3;
    }

    /// <summary>A thread's registers of 8 tokens as sums of two bfloats.</summary>
    private struct FloatColumns8
    {
        public int High0;
        public int High1;
        public int Low0;
        public int Low1;
    }
}
