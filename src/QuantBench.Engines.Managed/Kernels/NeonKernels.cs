using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// 128-bit kernels: portable vectors, with ARM's byte dot products where the processor has them. They compute the same on any processor, so
/// that what runs on ARM is tested wherever the tests run; only ARM lists them as a device, since x64 always has a wider set.
/// </summary>
internal sealed unsafe class NeonKernels : KernelSet
{
    // As for the wider sets: below this many tokens a panel's unpacking costs more than it saves.
    private const int PanelTokens = 6;

    /// <inheritdoc />
    public override string Name => "neon";

    /// <summary>What the device is, with the instructions it found.</summary>
    public static string Description => Dp.IsSupported ? "NEON with byte dot products, 128-bit vectors" : "NEON, 128-bit vectors";

    /// <summary>Whether this processor is what they are for.</summary>
    public static bool IsSupported => AdvSimd.Arm64.IsSupported;

    /// <inheritdoc />
    public override bool UsesQuantizedInputs(GgmlType type) => NeonDot.Knows(type);

    /// <inheritdoc />
    public override void RmsNorm(float* x, float* weight, float* y, int n, float epsilon)
    {
        float scale = 1 / MathF.Sqrt((Dot(x, x, n) / n) + epsilon);
        int i = 0;
        for (; i <= n - 4; i += 4) (Vector128.Load(x + i) * scale * Vector128.Load(weight + i)).Store(y + i);
        for (; i < n; i++) y[i] = x[i] * scale * weight[i];
    }

    /// <inheritdoc />
    public override void Add(float* x, float* y, int n)
    {
        int i = 0;
        for (; i <= n - 4; i += 4) (Vector128.Load(x + i) + Vector128.Load(y + i)).Store(x + i);
        for (; i < n; i++) x[i] += y[i];
    }

    /// <inheritdoc />
    public override void Scale(float* x, float factor, int n)
    {
        int i = 0;
        for (; i <= n - 4; i += 4) (Vector128.Load(x + i) * factor).Store(x + i);
        for (; i < n; i++) x[i] *= factor;
    }

    /// <inheritdoc />
    public override void Gate(float* gate, float* up, float* result, int n, bool gelu)
    {
        int i = 0;
        for (; i <= n - 4; i += 4)
        {
            Vector128<float> g = Vector128.Load(gate + i);

            // Both are g / (1 + exp(-z)), as in the 256-bit set.
            Vector128<float> z = gelu ? g * 1.5957691216057308f * (Vector128<float>.One + (g * g * 0.044715f)) : g;
            Vector128<float> e = Exp(Vector128.Max(-z, Vector128.Create(-87f)));
            (g / (Vector128<float>.One + e) * Vector128.Load(up + i)).Store(result + i);
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
            Vector128<float> v0 = Vector128.Load(x), v1 = Vector128.Load(x + 4), v2 = Vector128.Load(x + 8), v3 = Vector128.Load(x + 12);
            Vector128<float> v4 = Vector128.Load(x + 16), v5 = Vector128.Load(x + 20), v6 = Vector128.Load(x + 24),
                v7 = Vector128.Load(x + 28);
            float largest = Largest(Vector128.Max(
                Vector128.Max(Vector128.Max(Vector128.Abs(v0), Vector128.Abs(v1)), Vector128.Max(Vector128.Abs(v2), Vector128.Abs(v3))),
                Vector128.Max(Vector128.Max(Vector128.Abs(v4), Vector128.Abs(v5)), Vector128.Max(Vector128.Abs(v6), Vector128.Abs(v7)))));
            float d = largest / 127;
            float inverse = largest > ScalarKernels.SmallestScaled ? 127 / largest : 0;
            Vector128<short> q0 = Vector128.Narrow(Whole(v0 * inverse), Whole(v1 * inverse)),
                q1 = Vector128.Narrow(Whole(v2 * inverse), Whole(v3 * inverse));
            Vector128<short> q2 = Vector128.Narrow(Whole(v4 * inverse), Whole(v5 * inverse)),
                q3 = Vector128.Narrow(Whole(v6 * inverse), Whole(v7 * inverse));
            if (activations.Wide is not null)
            {
                short* wide = activations.Wide + offset + (block * 32);
                q0.Store(wide);
                q1.Store(wide + 8);
                q2.Store(wide + 16);
                q3.Store(wide + 24);
            }

            sbyte* bytes = activations.Bytes + offset + (block * 32);
            Vector128.Narrow(q0, q1).Store(bytes);
            Vector128.Narrow(q2, q3).Store(bytes + 16);

            // Eight numbers of at most 254 stay within 16 bits.
            int lowSum = Vector128.Sum(q0 + q1), highSum = Vector128.Sum(q2 + q3);
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
            if (NeonDot.Knows(weights.Type)) NeonPanel.Multiply(weights, first, rows, inputs, tokens, output, stride, scratch);
            else FloatPanel.Multiply(this, weights, first, rows, inputs, tokens, output, stride, scratch);
            return;
        }

        if (NeonDot.Knows(weights.Type))
        {
            for (int t = 0; t < tokens; t++) NeonDot.Rows(weights, first, rows, inputs, t, output + ((long)t * stride));
            return;
        }

        for (int row = first; row < first + rows; row++)
        {
            // Types that are cheaper to widen than to read back from memory are widened once per token.
            bool direct = weights.Type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16;
            if (!direct) Decode(weights, row, 0, weights.Columns, scratch.Row);
            for (int t = 0; t < tokens; t++)
            {
                float* x = inputs.Values + ((long)t * inputs.Stride);
                output[((long)t * stride) + row] = weights.Type switch
                {
                    GgmlType.F32 => Dot((float*)weights.Row(row), x, weights.Columns),
                    GgmlType.F16 => DotHalves((ushort*)weights.Row(row), x, weights.Columns),
                    GgmlType.BF16 => DotBrainFloats((ushort*)weights.Row(row), x, weights.Columns),
                    _ => Dot(scratch.Row, x, weights.Columns),
                };
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
        Vector128<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 16; i += 16)
        {
            s0 = Vector128.MultiplyAddEstimate(Vector128.Load(a + i), Vector128.Load(b + i), s0);
            s1 = Vector128.MultiplyAddEstimate(Vector128.Load(a + i + 4), Vector128.Load(b + i + 4), s1);
            s2 = Vector128.MultiplyAddEstimate(Vector128.Load(a + i + 8), Vector128.Load(b + i + 8), s2);
            s3 = Vector128.MultiplyAddEstimate(Vector128.Load(a + i + 12), Vector128.Load(b + i + 12), s3);
        }

        for (; i <= n - 4; i += 4) s0 = Vector128.MultiplyAddEstimate(Vector128.Load(a + i), Vector128.Load(b + i), s0);
        float sum = Vector128.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <inheritdoc />
    public override float Exponentials(float* scores, int n, float maximum)
    {
        Vector128<float> sums = default;
        int i = 0;
        for (; i <= n - 4; i += 4)
        {
            Vector128<float> e = Exp(Vector128.Max(Vector128.Load(scores + i) - Vector128.Create(maximum), Vector128.Create(-104f)));
            e.Store(scores + i);
            sums += e;
        }

        float sum = Vector128.Sum(sums);
        for (; i < n; i++) sum += scores[i] = MathF.Exp(scores[i] - maximum);
        return sum;
    }

    /// <inheritdoc />
    public override float Maximum(float* values, int n)
    {
        float largest = values[0];
        int i = 0;
        if (n >= 4)
        {
            Vector128<float> most = Vector128.Load(values);
            for (i = 4; i <= n - 4; i += 4) most = Vector128.Max(most, Vector128.Load(values + i));
            largest = Largest(most);
        }

        for (; i < n; i++) largest = Math.Max(largest, values[i]);
        return largest;
    }

    /// <inheritdoc />
    public override void HalvesToFloats(ushort* halves, float* floats, int n)
    {
        int i = 0;
        for (; i <= n - 4; i += 4) NarrowSteps.Halves4(halves + i).Store(floats + i);
        for (; i < n; i++) floats[i] = Halves.ToFloat(halves[i]);
    }

    /// <inheritdoc />
    public override void FloatsToHalves(float* floats, ushort* halves, int n)
    {
        int i = 0;
        for (; i <= n - 4; i += 4) *(ulong*)(halves + i) = NarrowSteps.ToHalves4(Vector128.Load(floats + i));
        for (; i < n; i++) halves[i] = BitConverter.HalfToUInt16Bits((Half)floats[i]);
    }

    /// <inheritdoc />
    public override void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        switch (weights.Type)
        {
            case GgmlType.F16: HalvesToFloats((ushort*)weights.Row(row) + first, floats, count); break;
            case GgmlType.BF16: BrainFloatsToFloats((ushort*)weights.Row(row) + first, floats, count); break;
            default: base.Decode(weights, row, first, count, floats); break;
        }
    }

    private static void BrainFloatsToFloats(ushort* numbers, float* floats, int n)
    {
        int i = 0;
        for (; i <= n - 4; i += 4) NarrowSteps.BrainFloats4(numbers + i).Store(floats + i);
        for (; i < n; i++) floats[i] = BitConverter.Int32BitsToSingle(numbers[i] << 16);
    }

    /// <summary>Product of a row of halves with inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotHalves(ushort* w, float* x, int n)
    {
        Vector128<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 16; i += 16)
        {
            s0 = Vector128.MultiplyAddEstimate(NarrowSteps.Halves4(w + i), Vector128.Load(x + i), s0);
            s1 = Vector128.MultiplyAddEstimate(NarrowSteps.Halves4(w + i + 4), Vector128.Load(x + i + 4), s1);
            s2 = Vector128.MultiplyAddEstimate(NarrowSteps.Halves4(w + i + 8), Vector128.Load(x + i + 8), s2);
            s3 = Vector128.MultiplyAddEstimate(NarrowSteps.Halves4(w + i + 12), Vector128.Load(x + i + 12), s3);
        }

        float sum = Vector128.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += Halves.ToFloat(w[i]) * x[i];
        return sum;
    }

    /// <summary>Product of a row of bfloat16 with inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotBrainFloats(ushort* w, float* x, int n)
    {
        Vector128<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 16; i += 16)
        {
            s0 = Vector128.MultiplyAddEstimate(NarrowSteps.BrainFloats4(w + i), Vector128.Load(x + i), s0);
            s1 = Vector128.MultiplyAddEstimate(NarrowSteps.BrainFloats4(w + i + 4), Vector128.Load(x + i + 4), s1);
            s2 = Vector128.MultiplyAddEstimate(NarrowSteps.BrainFloats4(w + i + 8), Vector128.Load(x + i + 8), s2);
            s3 = Vector128.MultiplyAddEstimate(NarrowSteps.BrainFloats4(w + i + 12), Vector128.Load(x + i + 12), s3);
        }

        float sum = Vector128.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += BitConverter.Int32BitsToSingle(w[i] << 16) * x[i];
        return sum;
    }

    /// <summary>Largest element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector128<float> values)
    {
        if (AdvSimd.Arm64.IsSupported) return AdvSimd.Arm64.MaxAcross(values).ToScalar();
        values = Vector128.Max(values, Vector128.Shuffle(values, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(values.ToScalar(), values.GetElement(1));
    }

    /// <summary>Nearest whole numbers, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Whole(Vector128<float> values) => Vector128.ConvertToInt32(Vector128.Round(values));

    /// <summary>exp for −104 ≤ x ≤ 88, as in the 256-bit set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Exp(Vector128<float> x)
    {
        x = Vector128.Min(x, Vector128.Create(88f));
        Vector128<float> n = Vector128.Round(x * 1.44269504088896341f);
        Vector128<float> r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-0.693359375f), x);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(2.12194440e-4f), r);
        Vector128<float> p = Vector128.Create(1.9875691500e-4f);
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1.3981999507e-3f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(8.3334519073e-3f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(4.1665795894e-2f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(1.6666665459e-1f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(5.0000001201e-1f));
        p = Vector128.MultiplyAddEstimate(p, r * r, r + Vector128<float>.One);
        Vector128<int> whole = Vector128.ConvertToInt32(n);
        Vector128<int> half = Vector128.ShiftRightArithmetic(whole, 1);
        Vector128<float> f0 = Vector128.ShiftLeft(half + Vector128.Create(127), 23).AsSingle();
        Vector128<float> f1 = Vector128.ShiftLeft(whole - half + Vector128.Create(127), 23).AsSingle();
        return p * f0 * f1;
    }

    /// <summary>Four rows of 16 columns: 16 of the 32 registers hold sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4(int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        float* a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda;
        float* c1 = c + ldc, c2 = c1 + ldc, c3 = c2 + ldc;
        Vector128<float> s00 = Vector128.Load(c), s01 = Vector128.Load(c + 4), s02 = Vector128.Load(c + 8), s03 = Vector128.Load(c + 12);
        Vector128<float> s10 = Vector128.Load(c1), s11 = Vector128.Load(c1 + 4), s12 = Vector128.Load(c1 + 8),
            s13 = Vector128.Load(c1 + 12);
        Vector128<float> s20 = Vector128.Load(c2), s21 = Vector128.Load(c2 + 4), s22 = Vector128.Load(c2 + 8),
            s23 = Vector128.Load(c2 + 12);
        Vector128<float> s30 = Vector128.Load(c3), s31 = Vector128.Load(c3 + 4), s32 = Vector128.Load(c3 + 8),
            s33 = Vector128.Load(c3 + 12);
        for (int p = 0; p < k; p++)
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4), b2 = Vector128.Load(b + 8), b3 = Vector128.Load(b + 12);
            Vector128<float> x = Vector128.Create(a[p]);
            s00 = Vector128.MultiplyAddEstimate(x, b0, s00);
            s01 = Vector128.MultiplyAddEstimate(x, b1, s01);
            s02 = Vector128.MultiplyAddEstimate(x, b2, s02);
            s03 = Vector128.MultiplyAddEstimate(x, b3, s03);
            x = Vector128.Create(a1[p]);
            s10 = Vector128.MultiplyAddEstimate(x, b0, s10);
            s11 = Vector128.MultiplyAddEstimate(x, b1, s11);
            s12 = Vector128.MultiplyAddEstimate(x, b2, s12);
            s13 = Vector128.MultiplyAddEstimate(x, b3, s13);
            x = Vector128.Create(a2[p]);
            s20 = Vector128.MultiplyAddEstimate(x, b0, s20);
            s21 = Vector128.MultiplyAddEstimate(x, b1, s21);
            s22 = Vector128.MultiplyAddEstimate(x, b2, s22);
            s23 = Vector128.MultiplyAddEstimate(x, b3, s23);
            x = Vector128.Create(a3[p]);
            s30 = Vector128.MultiplyAddEstimate(x, b0, s30);
            s31 = Vector128.MultiplyAddEstimate(x, b1, s31);
            s32 = Vector128.MultiplyAddEstimate(x, b2, s32);
            s33 = Vector128.MultiplyAddEstimate(x, b3, s33);
            b += ldb;
        }

        s00.Store(c);
        s01.Store(c + 4);
        s02.Store(c + 8);
        s03.Store(c + 12);
        s10.Store(c1);
        s11.Store(c1 + 4);
        s12.Store(c1 + 8);
        s13.Store(c1 + 12);
        s20.Store(c2);
        s21.Store(c2 + 4);
        s22.Store(c2 + 8);
        s23.Store(c2 + 12);
        s30.Store(c3);
        s31.Store(c3 + 4);
        s32.Store(c3 + 8);
        s33.Store(c3 + 12);
    }

    private static void Tile1(int k, float* a, float* b, int ldb, float* c)
    {
        Vector128<float> s0 = Vector128.Load(c), s1 = Vector128.Load(c + 4), s2 = Vector128.Load(c + 8), s3 = Vector128.Load(c + 12);
        for (int p = 0; p < k; p++)
        {
            Vector128<float> x = Vector128.Create(a[p]);
            s0 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b), s0);
            s1 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b + 4), s1);
            s2 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b + 8), s2);
            s3 = Vector128.MultiplyAddEstimate(x, Vector128.Load(b + 12), s3);
            b += ldb;
        }

        s0.Store(c);
        s1.Store(c + 4);
        s2.Store(c + 8);
        s3.Store(c + 12);
    }
}
