using System.Runtime.CompilerServices;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Kernels of vectors of one width.</summary>
/// <typeparam name="TFloats">The vectors.</typeparam>
/// <typeparam name="THalves">How weights of half precision are read.</typeparam>
/// <typeparam name="TTile">The piece that products of floats are cut into.</typeparam>
internal abstract unsafe class VectorKernels<TFloats, THalves, TTile> : KernelSet
    where TFloats : struct, IFloats<TFloats>
    where THalves : struct, IFloatWeights
    where TTile : struct, ITile
{
    // Below this many tokens a panel's unpacking costs more than it saves.
    private const int PanelTokens = 6;

    /// <inheritdoc />
    public override bool UsesQuantizedInputs(GgmlType type) => BlockKernels.Of(type) is { } blocks && Runs(blocks);

    /// <inheritdoc />
    public override void RmsNorm(float* x, float* weight, float* y, int n, float epsilon)
    {
        float scale = 1 / MathF.Sqrt((Dot(x, x, n) / n) + epsilon);
        int i = 0;
        for (; i <= n - TFloats.Count; i += TFloats.Count)
            (TFloats.Load(x + i) * TFloats.Same(scale) * TFloats.Load(weight + i)).Store(y + i);
        for (; i < n; i++) y[i] = x[i] * scale * weight[i];
    }

    /// <inheritdoc />
    public override void Gate(float* gate, float* up, float* result, int n, bool gelu)
    {
        TFloats one = TFloats.Same(1);
        int i = 0;
        for (; i <= n - TFloats.Count; i += TFloats.Count)
        {
            TFloats g = TFloats.Load(gate + i);

            // Both are g / (1 + exp(-z)): SiLU with z = g; the tanh form of GELU with z = 2·sqrt(2/π)·(g + 0.044715·g³), since
            // (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)).
            TFloats z = gelu ? g * TFloats.Same(1.5957691216057308f) * (one + (g * g * TFloats.Same(0.044715f))) : g;
            TFloats e = Exp(TFloats.Max(TFloats.Same(-0f) - z, TFloats.Same(-87)));
            (g / (one + e) * TFloats.Load(up + i)).Store(result + i);
        }

        for (; i < n; i++)
        {
            float g = gate[i];
            float z = gelu ? g * 1.5957691216057308f * (1 + (g * g * 0.044715f)) : g;
            result[i] = g / (1 + MathF.Exp(-z)) * up[i];
        }
    }

    /// <inheritdoc />
    public override void Multiply(
        WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
    {
        BlockKernels? blocks = BlockKernels.Of(weights.Type) is { } found && Runs(found) ? found : null;
        if (tokens >= PanelTokens)
        {
            if (blocks is null) FloatPanel.Multiply(this, weights, first, rows, inputs, tokens, output, stride, scratch);
            else Panels(blocks, weights, first, rows, inputs, tokens, output, stride, scratch);
        }
        else if (blocks is not null)
        {
            for (int t = 0; t < tokens; t++) Rows(blocks, weights, first, rows, inputs, t, output + ((long)t * stride));
        }
        else if (weights.Type is GgmlType.F16 or GgmlType.BF16)
        {
            for (int t = 0; t < tokens; t++)
            {
                float* x = inputs.Values + ((long)t * inputs.Stride), y = output + ((long)t * stride);
                if (weights.Type == GgmlType.F16) FloatDot.Rows<TFloats, THalves>(weights, first, rows, x, y, scratch);
                else FloatDot.Rows<TFloats, WeightsBF16>(weights, first, rows, x, y, scratch);
            }
        }
        else
        {
            for (int row = first; row < first + rows; row++)
            {
                float* floats = weights.Type == GgmlType.F32 ? (float*)weights.Row(row) : scratch.Row;
                if (weights.Type != GgmlType.F32) Decode(weights, row, 0, weights.Columns, floats);
                for (int t = 0; t < tokens; t++)
                    output[((long)t * stride) + row] = Dot(floats, inputs.Values + ((long)t * inputs.Stride), weights.Columns);
            }
        }
    }

    /// <inheritdoc />
    public override void MultiplyAdd(int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        int j = 0;
        for (; j <= n - TTile.Columns; j += TTile.Columns)
        {
            int i = 0;
            for (; i <= m - TTile.Rows; i += TTile.Rows)
                TTile.MultiplyAdd(k, a + (i * (long)lda), lda, b + j, ldb, c + (i * (long)ldc) + j, ldc);
            for (; i < m; i++)
            {
                for (int l = j; l < j + TTile.Columns; l += 16) Row16(k, a + (i * (long)lda), b + l, ldb, c + (i * (long)ldc) + l);
            }
        }

        for (; j < n; j += 16)
        {
            for (int i = 0; i < m; i++) Row16(k, a + (i * (long)lda), b + j, ldb, c + (i * (long)ldc) + j);
        }
    }

    /// <inheritdoc />
    public override float Dot(float* a, float* b, int n) => FloatDot.Sum<TFloats, WeightsF32>(a, b, n);

    /// <inheritdoc />
    public override float Exponentials(float* scores, int n, float maximum)
    {
        TFloats sums = default;
        int i = 0;
        for (; i <= n - TFloats.Count; i += TFloats.Count)
        {
            TFloats e = Exp(TFloats.Max(TFloats.Load(scores + i) - TFloats.Same(maximum), TFloats.Same(-104)));
            e.Store(scores + i);
            sums += e;
        }

        float sum = TFloats.Sum(sums);
        for (; i < n; i++) sum += scores[i] = MathF.Exp(scores[i] - maximum);
        return sum;
    }

    /// <inheritdoc />
    public override void HalvesToFloats(ushort* halves, float* floats, int n) => FloatDot.Widen<TFloats, WeightsF16>(halves, floats, n);

    /// <inheritdoc />
    public override void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        if (weights.Type == GgmlType.F16) HalvesToFloats((ushort*)weights.Row(row) + first, floats, count);
        else if (weights.Type == GgmlType.BF16)
            FloatDot.Widen<TFloats, WeightsBF16>((ushort*)weights.Row(row) + first, floats, count);
        else base.Decode(weights, row, first, count, floats);
    }

    /// <summary>Whether a type's integer kernels exist for these vectors.</summary>
    protected virtual bool Runs(BlockKernels blocks) => true;

    /// <summary>Products of some rows with one token by integer kernels.</summary>
    /// <param name="blocks">The kernels.</param>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="inputs">The tokens.</param>
    /// <param name="token">Which token.</param>
    /// <param name="output">Row r goes to element r.</param>
    protected abstract void Rows(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output);

    /// <summary>Products of some rows with many tokens by integer kernels; otherwise as <see cref="KernelSet.Multiply"/>.</summary>
    protected abstract void Panels(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch);

    /// <summary>exp for −104 ≤ x ≤ 88, to 2 units in the last place: x = n·ln2 + r, exp(r) by a polynomial, times 2ⁿ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Exp(TFloats x)
    {
        x = TFloats.Min(x, TFloats.Same(88));
        TFloats n = TFloats.Round(x * TFloats.Same(1.44269504088896341f));
        TFloats r = TFloats.MultiplyAdd(n, TFloats.Same(-0.693359375f), x);
        r = TFloats.MultiplyAdd(n, TFloats.Same(2.12194440e-4f), r);
        TFloats p = TFloats.Same(1.9875691500e-4f);
        p = TFloats.MultiplyAdd(p, r, TFloats.Same(1.3981999507e-3f));
        p = TFloats.MultiplyAdd(p, r, TFloats.Same(8.3334519073e-3f));
        p = TFloats.MultiplyAdd(p, r, TFloats.Same(4.1665795894e-2f));
        p = TFloats.MultiplyAdd(p, r, TFloats.Same(1.6666665459e-1f));
        p = TFloats.MultiplyAdd(p, r, TFloats.Same(5.0000001201e-1f));
        p = TFloats.MultiplyAdd(p, r * r, r + TFloats.Same(1));
        return TFloats.Scale(p, n);
    }

    /// <summary>One row of 16 columns: as many vectors of sums as they fill.</summary>
    private static void Row16(int k, float* a, float* b, int ldb, float* c)
    {
        int count = TFloats.Count;
        TFloats s0 = TFloats.Load(c), s1 = default, s2 = default, s3 = default;
        if (TFloats.Count <= 8) s1 = TFloats.Load(c + count);
        if (TFloats.Count == 4) (s2, s3) = (TFloats.Load(c + (2 * count)), TFloats.Load(c + (3 * count)));
        for (int p = 0; p < k; p++)
        {
            TFloats x = TFloats.Same(a[p]);
            s0 = TFloats.MultiplyAdd(x, b, s0);
            if (TFloats.Count <= 8) s1 = TFloats.MultiplyAdd(x, b + count, s1);
            if (TFloats.Count == 4)
            {
                s2 = TFloats.MultiplyAdd(x, b + (2 * count), s2);
                s3 = TFloats.MultiplyAdd(x, b + (3 * count), s3);
            }

            b += ldb;
        }

        s0.Store(c);
        if (TFloats.Count <= 8) s1.Store(c + count);
        if (TFloats.Count != 4) return;
        s2.Store(c + (2 * count));
        s3.Store(c + (3 * count));
    }
}
