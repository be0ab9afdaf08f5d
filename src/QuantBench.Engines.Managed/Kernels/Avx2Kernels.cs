using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>256-bit kernels: AVX2 and FMA.</summary>
internal unsafe class Avx2Kernels : KernelSet
{
    // Below this many tokens a panel's unpacking costs more than it saves.
    protected const int PanelTokens = 6;

    // Halves whose exponent's bias isn't corrected are too small by 2¹¹²; inputs raised by 2⁹⁶ keep the products normal for |x| < 2³¹, and
    // the sum is corrected once.
    protected const float HalfInputScale = 7.922816251426434e28f;

    /// <inheritdoc />
    public override string Name => "avx2";

    /// <summary>Whether this process may use them.</summary>
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    /// <inheritdoc />
    public override bool UsesQuantizedInputs(GgmlType type) => Avx2Dot.Knows(type);

    /// <inheritdoc />
    public override bool UsesWideInputs(GgmlType type) => IntegerPanels.IsSigned(type);

    /// <inheritdoc />
    public override void RmsNorm(float* x, float* weight, float* y, int n, float epsilon)
    {
        float scale = 1 / MathF.Sqrt((Dot(x, x, n) / n) + epsilon);
        int i = 0;
        for (; i <= n - 8; i += 8)
        {
            (Vector256.Load(x + i) * scale * Vector256.Load(weight + i)).Store(y + i);
        }

        for (; i < n; i++) y[i] = x[i] * scale * weight[i];
    }

    /// <inheritdoc />
    public override void Add(float* x, float* y, int n)
    {
        int i = 0;
        for (; i <= n - 8; i += 8) (Vector256.Load(x + i) + Vector256.Load(y + i)).Store(x + i);
        for (; i < n; i++) x[i] += y[i];
    }

    /// <inheritdoc />
    public override void Scale(float* x, float factor, int n)
    {
        int i = 0;
        for (; i <= n - 8; i += 8) (Vector256.Load(x + i) * factor).Store(x + i);
        for (; i < n; i++) x[i] *= factor;
    }

    /// <inheritdoc />
    public override void Gate(float* gate, float* up, float* result, int n, bool gelu)
    {
        int i = 0;
        for (; i <= n - 8; i += 8)
        {
            Vector256<float> g = Vector256.Load(gate + i);

            // Both are g / (1 + exp(-z)): SiLU with z = g; the tanh form of GELU with z = 2·sqrt(2/π)·(g + 0.044715·g³), since
            // (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)).
            Vector256<float> z = gelu ? g * 1.5957691216057308f * (Vector256.Create(1f) + (g * g * 0.044715f)) : g;
            Vector256<float> e = Exp(Vector256.Max(-z, Vector256.Create(-87f)));
            (g / (Vector256.Create(1f) + e) * Vector256.Load(up + i)).Store(result + i);
        }

        for (; i < n; i++)
        {
            float g = gate[i];
            float z = gelu ? g * 1.5957691216057308f * (1 + (g * g * 0.044715f)) : g;
            result[i] = g / (1 + MathF.Exp(-z)) * up[i];
        }
    }

    /// <inheritdoc />
    public override void Quantize(Activations activations, int token, int first, int count)
    {
        long offset = (long)token * activations.Stride;
        for (int block = first / 32; block < (first + count) / 32; block++)
        {
            float* x = activations.Values + offset + (block * 32);
            Vector256<float> v0 = Vector256.Load(x), v1 = Vector256.Load(x + 8), v2 = Vector256.Load(x + 16), v3 = Vector256.Load(x + 24);
            Vector256<float> most = Vector256.Max(
                Vector256.Max(Vector256.Abs(v0), Vector256.Abs(v1)), Vector256.Max(Vector256.Abs(v2), Vector256.Abs(v3)));
            float largest = Largest(most);
            float d = largest / 127;
            Vector256<float> inverse = Vector256.Create(largest > ScalarKernels.SmallestScaled ? 127 / largest : 0);
            Vector256<int> i0 = Avx.ConvertToVector256Int32(v0 * inverse), i1 = Avx.ConvertToVector256Int32(v1 * inverse);
            Vector256<int> i2 = Avx.ConvertToVector256Int32(v2 * inverse), i3 = Avx.ConvertToVector256Int32(v3 * inverse);
            Vector256<short> low = Avx2.Permute4x64(Avx2.PackSignedSaturate(i0, i1).AsInt64(), 0b11_01_10_00).AsInt16();
            Vector256<short> high = Avx2.Permute4x64(Avx2.PackSignedSaturate(i2, i3).AsInt64(), 0b11_01_10_00).AsInt16();
            if (activations.Wide is not null)
            {
                low.Store(activations.Wide + offset + (block * 32));
                high.Store(activations.Wide + offset + (block * 32) + 16);
            }

            Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsSByte()
                .Store(activations.Bytes + offset + (block * 32));
            int lowSum = Vector256.Sum(i0 + i1);
            int highSum = Vector256.Sum(i2 + i3);
            long at = ((long)token * activations.BlockStride) + block;
            activations.Scales[at] = d;
            activations.Sums[at] = d * (lowSum + highSum);
            activations.HalfSums[2 * at] = d * lowSum;
            activations.HalfSums[(2 * at) + 1] = d * highSum;
        }
    }

    /// <inheritdoc />
    public override void Multiply(
        WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
    {
        if (tokens >= PanelTokens)
        {
            if (IntegerPanels.Knows(weights.Type)) Avx2Panel.Multiply(weights, first, rows, inputs, tokens, output, stride, scratch);
            else FloatPanel.Multiply(this, weights, first, rows, inputs, tokens, output, stride, scratch);
            return;
        }

        if (Avx2Dot.Knows(weights.Type))
        {
            for (int t = 0; t < tokens; t++) Avx2Dot.Rows(weights, first, rows, inputs, t, output + ((long)t * stride));
            return;
        }

        if (weights.Type is GgmlType.F16 or GgmlType.BF16)
        {
            for (int t = 0; t < tokens; t++)
                HalfRows(weights, first, rows, inputs.Values + ((long)t * inputs.Stride), output + ((long)t * stride), scratch);
            return;
        }

        for (int row = first; row < first + rows; row++)
        {
            float* floats = weights.Type == GgmlType.F32 ? (float*)weights.Row(row) : scratch.Row;
            if (weights.Type != GgmlType.F32) Decode(weights, row, 0, weights.Columns, floats);
            for (int t = 0; t < tokens; t++)
            {
                output[((long)t * stride) + row] = Dot(floats, inputs.Values + ((long)t * inputs.Stride), weights.Columns);
            }
        }
    }

    /// <inheritdoc />
    public override void MultiplyAdd(int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        for (int j = 0; j < n; j += 16)
        {
            int i = 0;
            for (; i <= m - 4; i += 4) Tile4(k, a + (i * (long)lda), lda, b + j, ldb, c + (i * (long)ldc) + j, ldc);
            for (; i < m; i++) Tile1(k, a + (i * (long)lda), b + j, ldb, c + (i * (long)ldc) + j);
        }
    }

    /// <inheritdoc />
    public override float Dot(float* a, float* b, int n)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 32; i += 32)
        {
            s0 = Fma.MultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), s0);
            s1 = Fma.MultiplyAdd(Vector256.Load(a + i + 8), Vector256.Load(b + i + 8), s1);
            s2 = Fma.MultiplyAdd(Vector256.Load(a + i + 16), Vector256.Load(b + i + 16), s2);
            s3 = Fma.MultiplyAdd(Vector256.Load(a + i + 24), Vector256.Load(b + i + 24), s3);
        }

        for (; i <= n - 8; i += 8) s0 = Fma.MultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), s0);
        float sum = Vector256.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <inheritdoc />
    public override float Exponentials(float* scores, int n, float maximum)
    {
        Vector256<float> sums = default;
        int i = 0;
        for (; i <= n - 8; i += 8)
        {
            Vector256<float> e = Exp(Vector256.Max(Vector256.Load(scores + i) - Vector256.Create(maximum), Vector256.Create(-104f)));
            e.Store(scores + i);
            sums += e;
        }

        float sum = Vector256.Sum(sums);
        for (; i < n; i++) sum += scores[i] = MathF.Exp(scores[i] - maximum);
        return sum;
    }

    /// <inheritdoc />
    public override float Maximum(float* values, int n)
    {
        float largest = values[0];
        int i = 0;
        if (n >= 8)
        {
            Vector256<float> most = Vector256.Load(values);
            for (i = 8; i <= n - 8; i += 8) most = Vector256.Max(most, Vector256.Load(values + i));
            largest = Largest(most);
        }

        for (; i < n; i++) largest = Math.Max(largest, values[i]);
        return largest;
    }

    /// <inheritdoc />
    public override void HalvesToFloats(ushort* halves, float* floats, int n)
    {
        int i = 0;
        for (; i <= n - 8; i += 8) Halves.Widen8(halves + i).Store(floats + i);
        for (; i < n; i++) floats[i] = Halves.ToFloat(halves[i]);
    }

    /// <inheritdoc />
    public override void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        if (weights.Type == GgmlType.F16) HalvesToFloats((ushort*)weights.Row(row) + first, floats, count);
        else base.Decode(weights, row, first, count, floats);
    }

    /// <summary>Products of rows of 16-bit floats with one token.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="first">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="x">The token's inputs.</param>
    /// <param name="output">Row r goes to element r.</param>
    /// <param name="scratch">The worker's memory.</param>
    protected virtual void HalfRows(WeightMatrix weights, int first, int rows, float* x, float* output, WorkerScratch scratch)
    {
        if (weights.Type == GgmlType.BF16)
        {
            for (int row = first; row < first + rows; row++) output[row] = DotBrainFloats((ushort*)weights.Row(row), x, weights.Columns);
            return;
        }

        float* raised = Raise(x, weights.Columns, scratch);
        for (int row = first; row < first + rows; row++) output[row] = DotHalves((ushort*)weights.Row(row), raised, weights.Columns);
    }

    /// <summary>Inputs times <see cref="HalfInputScale"/>.</summary>
    protected float* Raise(float* x, int columns, WorkerScratch scratch)
    {
        new ReadOnlySpan<float>(x, columns).CopyTo(new Span<float>(scratch.Row, columns));
        Scale(scratch.Row, HalfInputScale, columns);
        return scratch.Row;
    }

    /// <summary>Largest element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static float Largest(Vector256<float> values)
    {
        Vector128<float> half = Vector128.Max(values.GetLower(), values.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(half.ToScalar(), half.GetElement(1));
    }

    /// <summary>
    /// exp for −104 ≤ x ≤ 88, to 2 units in the last place: x = n·ln2 + r, exp(r) by a polynomial, 2ⁿ added to the exponent in two halves
    /// so that results below the normal range don't wrap.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Exp(Vector256<float> x)
    {
        x = Vector256.Min(x, Vector256.Create(88f));
        Vector256<float> n = Avx.RoundToNearestInteger(x * 1.44269504088896341f);
        Vector256<float> r = Fma.MultiplyAddNegated(n, Vector256.Create(0.693359375f), x);
        r = Fma.MultiplyAddNegated(n, Vector256.Create(-2.12194440e-4f), r);
        Vector256<float> p = Vector256.Create(1.9875691500e-4f);
        p = Fma.MultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        p = Fma.MultiplyAdd(p, r * r, r + Vector256.Create(1f));
        Vector256<int> whole = Avx.ConvertToVector256Int32(n);
        Vector256<int> half = Vector256.ShiftRightArithmetic(whole, 1);
        Vector256<float> f0 = Vector256.ShiftLeft(half + Vector256.Create(127), 23).AsSingle();
        Vector256<float> f1 = Vector256.ShiftLeft(whole - half + Vector256.Create(127), 23).AsSingle();
        return p * f0 * f1;
    }

    /// <summary>Product of a row of halves with inputs that were multiplied by <see cref="HalfInputScale"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotHalves(ushort* w, float* x, int n)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 32; i += 32)
        {
            s0 = Fma.MultiplyAdd(Halves.Unscaled8(w + i), Vector256.Load(x + i), s0);
            s1 = Fma.MultiplyAdd(Halves.Unscaled8(w + i + 8), Vector256.Load(x + i + 8), s1);
            s2 = Fma.MultiplyAdd(Halves.Unscaled8(w + i + 16), Vector256.Load(x + i + 16), s2);
            s3 = Fma.MultiplyAdd(Halves.Unscaled8(w + i + 24), Vector256.Load(x + i + 24), s3);
        }

        for (; i <= n - 8; i += 8) s0 = Fma.MultiplyAdd(Halves.Unscaled8(w + i), Vector256.Load(x + i), s0);
        float sum = Vector256.Sum(s0 + s1 + (s2 + s3)) * (Halves.Bias / HalfInputScale);
        for (; i < n; i++) sum += Halves.ToFloat(w[i]) * (x[i] / HalfInputScale);
        return sum;
    }

    /// <summary>Product of a row of bfloat16, which are the upper halves of floats, with inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotBrainFloats(ushort* w, float* x, int n)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 32; i += 32)
        {
            s0 = Fma.MultiplyAdd(Brain8(w + i), Vector256.Load(x + i), s0);
            s1 = Fma.MultiplyAdd(Brain8(w + i + 8), Vector256.Load(x + i + 8), s1);
            s2 = Fma.MultiplyAdd(Brain8(w + i + 16), Vector256.Load(x + i + 16), s2);
            s3 = Fma.MultiplyAdd(Brain8(w + i + 24), Vector256.Load(x + i + 24), s3);
        }

        for (; i <= n - 8; i += 8) s0 = Fma.MultiplyAdd(Brain8(w + i), Vector256.Load(x + i), s0);
        float sum = Vector256.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += BitConverter.Int32BitsToSingle(w[i] << 16) * x[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Brain8(ushort* w) =>
        Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(Vector128.Load(w)), 16).AsSingle();

    private static void Tile4(int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        float* a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
        float* c1 = c + ldc, c2 = c1 + ldc, c3 = c2 + ldc;
        Vector256<float> s00 = Vector256.Load(c), s01 = Vector256.Load(c + 8), s10 = Vector256.Load(c1), s11 = Vector256.Load(c1 + 8);
        Vector256<float> s20 = Vector256.Load(c2), s21 = Vector256.Load(c2 + 8), s30 = Vector256.Load(c3), s31 = Vector256.Load(c3 + 8);
        for (int p = 0; p < k; p++)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x = Vector256.Create(a[p]);
            s00 = Fma.MultiplyAdd(x, b0, s00);
            s01 = Fma.MultiplyAdd(x, b1, s01);
            x = Vector256.Create(a1[p]);
            s10 = Fma.MultiplyAdd(x, b0, s10);
            s11 = Fma.MultiplyAdd(x, b1, s11);
            x = Vector256.Create(a2[p]);
            s20 = Fma.MultiplyAdd(x, b0, s20);
            s21 = Fma.MultiplyAdd(x, b1, s21);
            x = Vector256.Create(a3[p]);
            s30 = Fma.MultiplyAdd(x, b0, s30);
            s31 = Fma.MultiplyAdd(x, b1, s31);
            b += ldb;
        }

        s00.Store(c);
        s01.Store(c + 8);
        s10.Store(c1);
        s11.Store(c1 + 8);
        s20.Store(c2);
        s21.Store(c2 + 8);
        s30.Store(c3);
        s31.Store(c3 + 8);
    }

    private static void Tile1(int k, float* a, float* b, int ldb, float* c)
    {
        Vector256<float> s0 = Vector256.Load(c), s1 = Vector256.Load(c + 8);
        for (int p = 0; p < k; p++)
        {
            Vector256<float> x = Vector256.Create(a[p]);
            s0 = Fma.MultiplyAdd(x, Vector256.Load(b), s0);
            s1 = Fma.MultiplyAdd(x, Vector256.Load(b + 8), s1);
            b += ldb;
        }

        s0.Store(c);
        s1.Store(c + 8);
    }
}
