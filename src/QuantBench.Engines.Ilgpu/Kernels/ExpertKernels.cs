using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Feed-forward parts of which each token uses a few. Everything stays on the device: what the router chose is read by the products. A slot
/// is one token's use of one expert; all experts of a layer are one matrix, the rows of one behind those of another.
/// </summary>
internal static class ExpertKernels
{
    // What llama.cpp doesn't divide by less than: the smallest normal half.
    private const float LeastSum = 6.103515625e-5f;

    /// <summary>Picks the experts of a token and weighs them. Grid: (tokens).</summary>
    /// <param name="p">Sizes and switches.</param>
    /// <param name="ratings">[tokens, stride]: the router's.</param>
    /// <param name="bias">[experts] of the router.</param>
    /// <param name="chosen">[tokens, used]: receives experts, the best first.</param>
    /// <param name="weights">[tokens, used]: receives what their results are multiplied by.</param>
    public static void Route(ExpertParameters p, ArrayView<float> ratings, ArrayView<float> bias, ArrayView<int> chosen,
        ArrayView<float> weights)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.MaxThreads);
        int token = Grid.IdxX;
        long at = (long)token * p.Stride, to = (long)token * p.Used;
        float most = -3.0e38f;
        for (int e = Group.IdxX; e < p.Experts; e += Group.DimX) most = IntrinsicMath.Max(most, Rating(p, ratings, bias, at, e));
        most = GroupReduction.Max(shared, most);
        float all = 0, best = 0;
        for (int e = Group.IdxX; e < p.Experts; e += Group.DimX)
        {
            float share = Arithmetic.Exp(Rating(p, ratings, bias, at, e) - most);
            all += share;
            if (Rank(p, ratings, bias, at, e) < p.Used) best += share;
        }

        all = GroupReduction.Sum(shared, all);
        best = GroupReduction.Sum(shared, best);
        float sum = p.Kind == 0 ? all : p.Kind == 1 ? IntrinsicMath.Max(best / all, LeastSum) * all : best;
        for (int e = Group.IdxX; e < p.Experts; e += Group.DimX)
        {
            int rank = Rank(p, ratings, bias, at, e);
            if (rank >= p.Used) continue;
            chosen[to + rank] = e;
            weights[to + rank] = Arithmetic.Exp(Rating(p, ratings, bias, at, e) - most) / sum;
        }
    }

    /// <summary>Products of quantized experts with 8-bit inputs. Grid: (groups of row pairs, slots).</summary>
    /// <param name="m">The experts of a layer.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="chosen">[slots]: the expert of each.</param>
    /// <param name="rows">Rows of an expert.</param>
    /// <param name="share">Slots that read the same inputs.</param>
    /// <param name="output">[slots, stride].</param>
    /// <param name="stride">Floats from one slot's results to the next one's.</param>
    /// <param name="first">Where the matrix's first row goes within a slot's results.</param>
    /// <param name="lanes">Threads per row pair: a power of two that divides the group, at most 32.</param>
    public static void Quantized<TFormat>(MatrixView m, InputView x, ArrayView<int> chosen, int rows, int share, ArrayView<float> output,
        int stride, int first, int lanes)
        where TFormat : struct, IChunkFormat =>
        MatVecKernels.QuantizedRows<TFormat>(m, chosen[Grid.IdxY] * rows, rows, x, Grid.IdxY / share, output,
            ((long)Grid.IdxY * stride) + first, lanes);

    /// <summary>Products of floating-point experts with floating-point inputs.</summary>
    /// <inheritdoc cref="Quantized{TFormat}"/>
    public static void Float<TFormat>(MatrixView m, InputView x, ArrayView<int> chosen, int rows, int share, ArrayView<float> output,
        int stride, int first, int lanes)
        where TFormat : struct, IFloatFormat =>
        MatVecKernels.FloatRows<TFormat>(m, chosen[Grid.IdxY] * rows, rows, x, Grid.IdxY / share, output,
            ((long)Grid.IdxY * stride) + first, lanes);

    /// <summary>Branch = common part · σ(its rating) + Σ weight · (result + bias). Grid: (pieces, tokens).</summary>
    /// <param name="p">Sizes and switches.</param>
    /// <param name="branch">[tokens, resultStride]: the common part's results, or anything where there is none.</param>
    /// <param name="ratings">[tokens, stride]: behind the experts', the common part's.</param>
    /// <param name="chosen">[tokens, used].</param>
    /// <param name="weights">[tokens, used].</param>
    /// <param name="results">[slots, resultStride].</param>
    /// <param name="bias">[experts, width].</param>
    public static void Combine(ExpertParameters p, ArrayView<float> branch, ArrayView<float> ratings, ArrayView<int> chosen,
        ArrayView<float> weights, ArrayView<float> results, ArrayView<float> bias)
    {
        int token = Grid.IdxY, i = (Grid.IdxX * Group.DimX) + Group.IdxX;
        if (i >= p.Width) return;
        long at = ((long)token * p.ResultStride) + i;
        float sum = p.HasCommon != 0 ? branch[at] / (1 + Arithmetic.Exp(-ratings[((long)token * p.Stride) + p.Experts])) : 0;
        for (int k = 0; k < p.Used; k++)
        {
            long slot = ((long)token * p.Used) + k;
            float result = results[(slot * p.ResultStride) + i] + (p.HasBias != 0 ? bias[((long)chosen[slot] * p.Width) + i] : 0);
            sum += weights[slot] * result;
        }

        branch[at] = sum;
    }

    private static float Rating(ExpertParameters p, ArrayView<float> ratings, ArrayView<float> bias, long at, int expert) =>
        ratings[at + expert] + (p.HasRouterBias != 0 ? bias[expert] : 0);

    /// <summary>Number of experts that are rated higher; of equal ones the first comes first.</summary>
    private static int Rank(ExpertParameters p, ArrayView<float> ratings, ArrayView<float> bias, long at, int expert)
    {
        float own = Rating(p, ratings, bias, at, expert);
        int rank = 0;
        for (int e = 0; e < p.Experts; e++)
        {
            float other = Rating(p, ratings, bias, at, e);
            if (other > own || (other == own && e < expert)) rank++;
        }

        return rank;
    }
}
