using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Kernels that make the inputs of products: they end by rounding them to 8-bit chunks where a product reads those.</summary>
internal static class InputKernels
{
    /// <summary>Elements of one thread.</summary>
    public const int PerThread = 4;

    // gpt-oss's gate.
    private const float GateLimit = 7;
    private const float GateSlope = 1.702f;

    private const int ThreadsPerChunk = 32 / PerThread;

    // Chunks whose largest input is no more than this become zeros: the reciprocal of their scale would overflow.
    private const float SmallestScaled = 1e-35f;

    /// <summary>
    /// Adds a branch to the residual stream and normalises the result into inputs. Grid: (tokens).
    /// Threads own elements, so that no thread reads what another wrote.
    /// </summary>
    /// <param name="p">Sizes and switches.</param>
    /// <param name="residual">[tokens, stride].</param>
    /// <param name="branch">[tokens, stride]; changed.</param>
    /// <param name="bias">[width] added to the branch.</param>
    /// <param name="postNorm">[width] norm of the branch.</param>
    /// <param name="norm">[width] norm of the residual stream.</param>
    /// <param name="normBias">[width] its bias.</param>
    /// <param name="rows">[tokens] row of the residual stream that each input is made from.</param>
    /// <param name="x">The inputs.</param>
    public static void Normalise(
        NormParameters p, ArrayView<float> residual, ArrayView<float> branch, ArrayView<float> bias, ArrayView<float> postNorm,
        ArrayView<float> norm, ArrayView<float> normBias, ArrayView<int> rows, InputView x)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<int> sharedSums = SharedMemory.Allocate<int>(GroupReduction.MaxThreads);
        int token = Grid.IdxX;
        int row = p.MapsRows != 0 ? rows[token] : token;
        long at = (long)row * p.Stride;
        float scale = p.BranchScale;
        bool hasPostNorm = p.AddsBranch != 0 && p.HasPostNorm != 0;
        float squares = 0;
        if (hasPostNorm)
        {
            for (int i = Group.IdxX; i < p.Width; i += Group.DimX)
            {
                float value = branch[at + i] + Optional(p.HasBias, bias, i);
                squares += value * value;
            }
        }

        squares = GroupReduction.SumWhere(hasPostNorm, shared, squares);
        if (hasPostNorm) scale /= MathF.Sqrt((squares / p.Width) + p.Epsilon);
        if (p.AddsBranch != 0 && p.BranchLast == 0) AddBranch(p, residual, branch, bias, postNorm, at, scale);
        float mean = 0;
        if (p.SubtractsMean != 0)
        {
            for (int step = 0; step < p.Steps; step++)
            {
                for (int k = 0; k < PerThread; k++)
                {
                    int i = (((step * Group.DimX) + Group.IdxX) * PerThread) + k;
                    if (i < p.Width) mean += residual[at + i];
                }
            }
        }

        mean = GroupReduction.SumWhere(p.SubtractsMean != 0, shared, mean);
        mean = Arithmetic.Where(p.SubtractsMean, mean / p.Width);

        float sum = 0;
        for (int step = 0; step < p.Steps; step++)
        {
            for (int k = 0; k < PerThread; k++)
            {
                int i = (((step * Group.DimX) + Group.IdxX) * PerThread) + k;
                if (i >= p.Width) continue;
                float value = residual[at + i] - mean;
                sum += value * value;
            }
        }

        float factor = 1 / MathF.Sqrt((GroupReduction.Sum(shared, sum) / p.Width) + p.Epsilon);
        factor = Arithmetic.FactorWhere(1 - p.OmitsNorm, factor);
        mean = Arithmetic.Where(1 - p.OmitsNorm, mean);

        // At least one turn: see GroupReduction.
        int piece = 0;
        do
        {
            int i = ((piece * Group.DimX) + Group.IdxX) * PerThread;
            float a = Normalised(p, residual, norm, normBias, at, i, mean, factor);
            float b = Normalised(p, residual, norm, normBias, at, i + 1, mean, factor);
            float c = Normalised(p, residual, norm, normBias, at, i + 2, mean, factor);
            float d = Normalised(p, residual, norm, normBias, at, i + 3, mean, factor);
            Write(x, token, i, a, b, c, d);
            Quantize(shared, sharedSums, x, token, i, a, b, c, d, p.Quantizes != 0);
            piece++;
        }
        while (piece < p.Steps);

        if (p.AddsBranch != 0 && p.BranchLast != 0) AddBranch(p, residual, branch, bias, postNorm, at, scale);
    }

    /// <summary>Rounds inputs to 8-bit chunks. Grid: (pieces of 4 · group elements, tokens).</summary>
    /// <param name="x">The inputs.</param>
    public static void Round(InputView x)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<int> sharedSums = SharedMemory.Allocate<int>(GroupReduction.MaxThreads);
        int token = Grid.IdxY;
        int i = ((Grid.IdxX * Group.DimX) + Group.IdxX) * PerThread;
        long at = ((long)token * x.Stride) + i;
        bool inside = i < x.Stride;
        float a = inside ? x.Values[at] : 0, b = inside ? x.Values[at + 1] : 0, c = inside ? x.Values[at + 2] : 0,
            d = inside ? x.Values[at + 3] : 0;
        Quantize(shared, sharedSums, x, token, i, a, b, c, d, isWanted: true);
    }

    /// <summary>Inputs = activation(gate) · up. Grid: (pieces of 4 · group elements, tokens).</summary>
    /// <param name="p">Sizes and switches.</param>
    /// <param name="both">[tokens, 2 · width]: gate, then up; [tokens, width] where there is no gate.</param>
    /// <param name="gateBias">[width].</param>
    /// <param name="upBias">[width].</param>
    /// <param name="chosen">[tokens]: experts, where rows are slots of those.</param>
    /// <param name="x">The inputs.</param>
    public static void Gate(GateParameters p, ArrayView<float> both, ArrayView<float> gateBias, ArrayView<float> upBias,
        ArrayView<int> chosen, InputView x)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        ArrayView<int> sharedSums = SharedMemory.Allocate<int>(GroupReduction.MaxThreads);
        int token = Grid.IdxY;
        int i = ((Grid.IdxX * Group.DimX) + Group.IdxX) * PerThread;
        long at = (p.OmitsGate != 0 ? 1L : 2L) * token * p.Width;
        int bias = p.IsOfExperts != 0 ? chosen[token] * p.Width : 0;
        float a = Gated(p, both, gateBias, upBias, at, i, bias), b = Gated(p, both, gateBias, upBias, at, i + 1, bias);
        float c = Gated(p, both, gateBias, upBias, at, i + 2, bias), d = Gated(p, both, gateBias, upBias, at, i + 3, bias);
        Write(x, token, i, a, b, c, d);
        Quantize(shared, sharedSums, x, token, i, a, b, c, d, p.Quantizes != 0);
    }

    private static float Gated(GateParameters p, ArrayView<float> both, ArrayView<float> gateBias, ArrayView<float> upBias, long at, int i,
        int bias)
    {
        if (i >= p.Width) return 0;
        if (p.OmitsGate != 0)
        {
            float alone = both[at + i] + (p.HasUpBias != 0 ? upBias[bias + i] : 0);
            float positive = IntrinsicMath.Max(alone, 0f);
            return p.SquaresRelu != 0 ? positive * positive : p.Gelu != 0 ? Arithmetic.Gelu(alone) : Arithmetic.Silu(alone);
        }

        float gate = both[at + i] + (p.HasGateBias != 0 ? gateBias[bias + i] : 0);
        float up = both[at + p.Width + i] + (p.HasUpBias != 0 ? upBias[bias + i] : 0);
        if (p.Clamps != 0)
        {
            gate = IntrinsicMath.Min(gate, GateLimit);
            up = IntrinsicMath.Max(-GateLimit, IntrinsicMath.Min(up, GateLimit));
            return Arithmetic.Silu(GateSlope * gate) / GateSlope * (up + 1);
        }

        return (p.Gelu != 0 ? Arithmetic.Gelu(gate) : Arithmetic.Silu(gate)) * up;
    }

    private static void AddBranch(NormParameters p, ArrayView<float> residual, ArrayView<float> branch, ArrayView<float> bias,
        ArrayView<float> postNorm, long at, float scale)
    {
        for (int step = 0; step < p.Steps; step++)
        {
            for (int k = 0; k < PerThread; k++)
            {
                int i = (((step * Group.DimX) + Group.IdxX) * PerThread) + k;
                if (i >= p.Width) continue;
                float value = branch[at + i] + Optional(p.HasBias, bias, i);
                value *= scale;
                value *= Arithmetic.FactorWhere(p.HasPostNorm, postNorm[Arithmetic.IndexWhere(p.HasPostNorm, i)]);
                residual[at + i] += value;
            }
        }
    }

    private static float Normalised(NormParameters p, ArrayView<float> residual, ArrayView<float> norm, ArrayView<float> normBias, long at,
        int i, float mean, float factor)
    {
        if (i >= p.Width) return 0;
        int hasNorm = 1 - p.OmitsNorm;
        float weight = Arithmetic.FactorWhere(hasNorm, norm[Arithmetic.IndexWhere(hasNorm, i)]);
        return ((residual[at + i] - mean) * factor * weight) + Optional(p.HasNormBias & hasNorm, normBias, i);
    }

    private static float Optional(int isThere, ArrayView<float> values, int i) =>
        Arithmetic.Where(isThere, values[Arithmetic.IndexWhere(isThere, i)]);

    private static void Write(InputView x, int token, int i, float a, float b, float c, float d)
    {
        if (i >= x.Stride) return;
        long at = ((long)token * x.Stride) + i;
        x.Values[at] = a;
        x.Values[at + 1] = b;
        x.Values[at + 2] = c;
        x.Values[at + 3] = d;
    }

    /// <summary>
    /// d = max|x| / 127, q = x / d rounded to nearest even, by the eight threads that hold a chunk. All threads of the group must call,
    /// even if nothing is wanted: PoCL 6 crashes while it compiles barriers that depend on a condition inside a loop.
    /// </summary>
    private static void Quantize(
        ArrayView<float> shared, ArrayView<int> sharedSums, InputView x, int token, int i, float a, float b, float c, float d,
        bool isWanted)
    {
        int thread = Group.IdxX;
        int first = thread & ~(ThreadsPerChunk - 1);
        Group.Barrier();
        shared[thread] =
            IntrinsicMath.Max(IntrinsicMath.Max(IntrinsicMath.Abs(a), IntrinsicMath.Abs(b)),
                IntrinsicMath.Max(IntrinsicMath.Abs(c), IntrinsicMath.Abs(d)));
        Group.Barrier();
        float largest = shared[first];
        for (int k = 1; k < ThreadsPerChunk; k++) largest = IntrinsicMath.Max(largest, shared[first + k]);
        float inverse = largest > SmallestScaled ? 127 / largest : 0;
        int qa = Arithmetic.Round(a * inverse), qb = Arithmetic.Round(b * inverse), qc = Arithmetic.Round(c * inverse),
            qd = Arithmetic.Round(d * inverse);
        sharedSums[thread] = qa + qb + qc + qd;
        Group.Barrier();
        bool stores = isWanted && i < x.Stride;
        if (stores) x.Words[(((long)token * x.Stride) + i) >> 2] = (qa & 255) | ((qb & 255) << 8) | ((qc & 255) << 16) | (qd << 24);
        if (stores && thread == first)
        {
            long chunk = (((long)token * x.Stride) + i) >> 5;
            float scale = largest / 127;
            int low = sharedSums[first] + sharedSums[first + 1] + sharedSums[first + 2] + sharedSums[first + 3];
            int high = sharedSums[first + 4] + sharedSums[first + 5] + sharedSums[first + 6] + sharedSums[first + 7];
            x.Scales[chunk] = scale;
            x.HalfSums[2 * chunk] = scale * low;
            x.HalfSums[(2 * chunk) + 1] = scale * high;
        }
    }
}
