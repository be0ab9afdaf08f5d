using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Products for many tokens (prefill): a group of 64 threads computes a tile of 32 rows by 32 tokens, four by four per thread. For each
/// chunk of 32 columns the weights of the tile are decoded once into shared memory, where all 32 tokens read them. Grid: (row tiles, token
/// tiles).
/// </summary>
internal static class MatMulKernels
{
    /// <summary>Rows and tokens of a tile.</summary>
    public const int Tile = 32;

    /// <summary>Threads of a group; no other size works.</summary>
    public const int Threads = 64;

    // 33 instead of 32: rows and tokens of one column then lie in different banks.
    private const int FloatStride = Tile + 1;

    /// <summary>Quantized weights with 8-bit inputs. Shared memory: 2.9 KiB.</summary>
    /// <param name="m">The weights.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="tokens">Number of tokens.</param>
    /// <param name="output">[tokens, stride].</param>
    /// <param name="stride">Floats from one token's results to the next one's.</param>
    /// <param name="first">Where the matrix's first row goes within a token's results.</param>
    public static void Quantized<TFormat>(MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride, int first)
        where TFormat : struct, IChunkFormat
    {
        ArrayView<Int4> weights = SharedMemory.Allocate<Int4>(2 * Tile);
        ArrayView<float> scales = SharedMemory.Allocate<float>(4 * Tile);
        ArrayView<Int4> inputs = SharedMemory.Allocate<Int4>(2 * Tile);
        ArrayView<float> inputScales = SharedMemory.Allocate<float>(3 * Tile);
        TFormat format = default;
        int thread = Group.IdxX;
        int rowInTile = thread & 7, tokenInTile = thread >> 3;
        int loads = thread & (Tile - 1);
        int row = (Grid.IdxX * Tile) + loads;
        int token = (Grid.IdxY * Tile) + loads;
        Sums4 sums0 = default, sums1 = default, sums2 = default, sums3 = default;
        for (int c = 0; c < m.Chunks; c++)
        {
            if (thread < Tile)
            {
                WeightChunk w = row < m.Rows ? format.Load(m, (row * m.Chunks) + c) : default;
                weights[2 * loads] = w.Low;
                weights[(2 * loads) + 1] = w.High;
                scales[loads] = w.ScaleLow;
                scales[Tile + loads] = w.ScaleHigh;
                scales[(2 * Tile) + loads] = w.OffsetLow;
                scales[(3 * Tile) + loads] = w.OffsetHigh;
            }
            else
            {
                InputChunk a = token < tokens ? x.Load(token, c) : default;
                inputs[2 * loads] = a.Low;
                inputs[(2 * loads) + 1] = a.High;
                inputScales[loads] = a.Scale;
                inputScales[Tile + loads] = a.SumLow;
                inputScales[(2 * Tile) + loads] = a.SumHigh;
            }

            Group.Barrier();
            WeightChunk w0 = Weight(weights, scales, rowInTile), w1 = Weight(weights, scales, rowInTile + 8);
            WeightChunk w2 = Weight(weights, scales, rowInTile + 16), w3 = Weight(weights, scales, rowInTile + 24);
            sums0 = Add(sums0, w0, w1, w2, w3, Input(inputs, inputScales, tokenInTile));
            sums1 = Add(sums1, w0, w1, w2, w3, Input(inputs, inputScales, tokenInTile + 8));
            sums2 = Add(sums2, w0, w1, w2, w3, Input(inputs, inputScales, tokenInTile + 16));
            sums3 = Add(sums3, w0, w1, w2, w3, Input(inputs, inputScales, tokenInTile + 24));
            Group.Barrier();
        }

        int firstRow = (Grid.IdxX * Tile) + rowInTile, firstToken = (Grid.IdxY * Tile) + tokenInTile;
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken, sums0);
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken + 8, sums1);
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken + 16, sums2);
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken + 24, sums3);
    }

    /// <summary>Floating-point weights with floating-point inputs. Shared memory: 8.3 KiB.</summary>
    /// <inheritdoc cref="Quantized{TFormat}"/>
    public static void Float<TFormat>(MatrixView m, InputView x, int tokens, ArrayView<float> output, int stride, int first)
        where TFormat : struct, IFloatFormat
    {
        ArrayView<float> weights = SharedMemory.Allocate<float>(Tile * FloatStride);
        ArrayView<float> inputs = SharedMemory.Allocate<float>(Tile * FloatStride);
        TFormat format = default;
        int thread = Group.IdxX;
        int rowInTile = thread & 7, tokenInTile = thread >> 3;
        Sums4 sums0 = default, sums1 = default, sums2 = default, sums3 = default;
        for (int c = 0; c < m.Chunks; c++)
        {
            // Four threads per row, eight columns each; 16 rows at a time.
            int octet = thread & 3;
            for (int r = thread >> 2; r < Tile; r += Threads / 4)
            {
                int row = (Grid.IdxX * Tile) + r;
                Float8 w = row < m.Rows ? format.Load(m, ((row * m.Chunks) + c) * 4 + octet) : default;
                int at = (8 * octet * FloatStride) + r;
                weights[at] = w.A;
                weights[at + FloatStride] = w.B;
                weights[at + (2 * FloatStride)] = w.C;
                weights[at + (3 * FloatStride)] = w.D;
                weights[at + (4 * FloatStride)] = w.E;
                weights[at + (5 * FloatStride)] = w.F;
                weights[at + (6 * FloatStride)] = w.G;
                weights[at + (7 * FloatStride)] = w.H;
            }

            int column = thread & (Tile - 1);
            for (int t = thread >> 5; t < Tile; t += Threads / Tile)
            {
                int token = (Grid.IdxY * Tile) + t;
                inputs[(column * FloatStride) + t] = token < tokens ? x.Values[((long)token * x.Stride) + (c * Tile) + column] : 0;
            }

            Group.Barrier();
            for (int k = 0; k < Tile; k++)
            {
                int atRow = (k * FloatStride) + rowInTile, atToken = (k * FloatStride) + tokenInTile;
                float w0 = weights[atRow], w1 = weights[atRow + 8], w2 = weights[atRow + 16], w3 = weights[atRow + 24];
                sums0 = AddScaled(sums0, w0, w1, w2, w3, inputs[atToken]);
                sums1 = AddScaled(sums1, w0, w1, w2, w3, inputs[atToken + 8]);
                sums2 = AddScaled(sums2, w0, w1, w2, w3, inputs[atToken + 16]);
                sums3 = AddScaled(sums3, w0, w1, w2, w3, inputs[atToken + 24]);
            }

            Group.Barrier();
        }

        int firstRow = (Grid.IdxX * Tile) + rowInTile, firstToken = (Grid.IdxY * Tile) + tokenInTile;
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken, sums0);
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken + 8, sums1);
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken + 16, sums2);
        Store(output, stride, first, m.Rows, tokens, firstRow, firstToken + 24, sums3);
    }

    private static WeightChunk Weight(ArrayView<Int4> weights, ArrayView<float> scales, int row) => new()
    {
        Low = weights[2 * row],
        High = weights[(2 * row) + 1],
        ScaleLow = scales[row],
        ScaleHigh = scales[Tile + row],
        OffsetLow = scales[(2 * Tile) + row],
        OffsetHigh = scales[(3 * Tile) + row],
    };

    private static InputChunk Input(ArrayView<Int4> inputs, ArrayView<float> scales, int token) => new()
    {
        Low = inputs[2 * token],
        High = inputs[(2 * token) + 1],
        Scale = scales[token],
        SumLow = scales[Tile + token],
        SumHigh = scales[(2 * Tile) + token],
    };

    private static Sums4 Add(Sums4 sums, WeightChunk w0, WeightChunk w1, WeightChunk w2, WeightChunk w3, InputChunk x) => new()
    {
        A = sums.A + Arithmetic.Dot(w0, x),
        B = sums.B + Arithmetic.Dot(w1, x),
        C = sums.C + Arithmetic.Dot(w2, x),
        D = sums.D + Arithmetic.Dot(w3, x),
    };

    private static Sums4 AddScaled(Sums4 sums, float w0, float w1, float w2, float w3, float x) => new()
    {
        A = sums.A + (w0 * x),
        B = sums.B + (w1 * x),
        C = sums.C + (w2 * x),
        D = sums.D + (w3 * x),
    };

    private static void Store(ArrayView<float> output, int stride, int first, int rows, int tokens, int row, int token, Sums4 sums)
    {
        if (token >= tokens) return;
        long at = ((long)token * stride) + first;
        if (row < rows) output[at + row] = sums.A;
        if (row + 8 < rows) output[at + row + 8] = sums.B;
        if (row + 16 < rows) output[at + row + 16] = sums.C;
        if (row + 24 < rows) output[at + row + 24] = sums.D;
    }
}
