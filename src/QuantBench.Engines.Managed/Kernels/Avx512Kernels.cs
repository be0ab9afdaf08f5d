using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>512-bit kernels where they pay: dot products, tiles and panels. What is bound by memory or by latency stays at 256
/// bits.</summary>
internal sealed unsafe class Avx512Kernels : Avx2Kernels
{
    /// <inheritdoc />
    public override string Name => "avx512";

    /// <summary>Whether this process may use them.</summary>
    public static new bool IsSupported =>
        Avx2Kernels.IsSupported && Avx512F.VL.IsSupported && Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported;

    /// <inheritdoc />
    public override long RepackedBytes(WeightMatrix weights) => RepackedRows.Bytes(weights);

    /// <inheritdoc />
    public override void Repack(WeightMatrix weights, int panel, WorkerScratch scratch) => RepackedRows.Fill(weights, panel, scratch);

    /// <inheritdoc />
    public override void Multiply(
        WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride, WorkerScratch scratch)
    {
        if (tokens < PanelTokens && weights.Repacked is not null)
        {
            for (int t = 0; t < tokens; t++) RepackedDot.Rows(weights, first, rows, inputs, t, output + ((long)t * stride));
        }
        else if (tokens >= PanelTokens && IntegerPanels.Knows(weights.Type))
        {
            Avx512Panel.Multiply(weights, first, rows, inputs, tokens, output, stride, scratch);
        }
        else
        {
            base.Multiply(weights, first, rows, inputs, tokens, output, stride, scratch);
        }
    }

    /// <inheritdoc />
    public override void MultiplyAdd(int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        int j = 0;
        for (; j <= n - 32; j += 32)
        {
            int i = 0;
            for (; i <= m - 8; i += 8) Tile8(k, a + (i * (long)lda), lda, b + j, ldb, c + (i * (long)ldc) + j, ldc);
            for (; i < m; i++)
            {
                Tile1(k, a + (i * (long)lda), b + j, ldb, c + (i * (long)ldc) + j);
                Tile1(k, a + (i * (long)lda), b + j + 16, ldb, c + (i * (long)ldc) + j + 16);
            }
        }

        for (; j < n; j += 16)
        {
            for (int i = 0; i < m; i++) Tile1(k, a + (i * (long)lda), b + j, ldb, c + (i * (long)ldc) + j);
        }
    }

    /// <inheritdoc />
    public override float Dot(float* a, float* b, int n)
    {
        if (n < 64) return base.Dot(a, b, n);
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 64; i += 64)
        {
            s0 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), s0);
            s1 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i + 16), Vector512.Load(b + i + 16), s1);
            s2 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i + 32), Vector512.Load(b + i + 32), s2);
            s3 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i + 48), Vector512.Load(b + i + 48), s3);
        }

        for (; i <= n - 16; i += 16) s0 = Avx512F.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), s0);
        float sum = Vector512.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <inheritdoc />
    public override void HalvesToFloats(ushort* halves, float* floats, int n)
    {
        int i = 0;
        for (; i <= n - 16; i += 16) Halves.Widen16(halves + i).Store(floats + i);
        for (; i < n; i++) floats[i] = Halves.ToFloat(halves[i]);
    }

    /// <inheritdoc />
    public override void Decode(WeightMatrix weights, int row, int first, int count, float* floats)
    {
        // The file's pages of a repacked matrix were given back; reading single rows there would make them resident again, 64 KiB at a
        // time.
        if (weights.Repacked is not null) RepackedRows.Decode(weights, row, first, count, floats);
        else base.Decode(weights, row, first, count, floats);
    }

    /// <inheritdoc />
    protected override void HalfRows(WeightMatrix weights, int first, int rows, float* x, float* output, WorkerScratch scratch)
    {
        if (weights.Type == GgmlType.BF16)
        {
            for (int row = first; row < first + rows; row++) output[row] = DotBrainFloats((ushort*)weights.Row(row), x, weights.Columns);
            return;
        }

        float* raised = Raise(x, weights.Columns, scratch);
        for (int row = first; row < first + rows; row++) output[row] = DotHalves((ushort*)weights.Row(row), raised, weights.Columns);
    }

    /// <summary>Product of a row of halves with inputs that were multiplied by <see cref="Avx2Kernels.HalfInputScale"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotHalves(ushort* w, float* x, int n)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 64; i += 64)
        {
            s0 = Avx512F.FusedMultiplyAdd(Halves.Unscaled16(w + i), Vector512.Load(x + i), s0);
            s1 = Avx512F.FusedMultiplyAdd(Halves.Unscaled16(w + i + 16), Vector512.Load(x + i + 16), s1);
            s2 = Avx512F.FusedMultiplyAdd(Halves.Unscaled16(w + i + 32), Vector512.Load(x + i + 32), s2);
            s3 = Avx512F.FusedMultiplyAdd(Halves.Unscaled16(w + i + 48), Vector512.Load(x + i + 48), s3);
        }

        for (; i <= n - 16; i += 16) s0 = Avx512F.FusedMultiplyAdd(Halves.Unscaled16(w + i), Vector512.Load(x + i), s0);
        float sum = Vector512.Sum(s0 + s1 + (s2 + s3)) * (Halves.Bias / HalfInputScale);
        for (; i < n; i++) sum += Halves.ToFloat(w[i]) * (x[i] / HalfInputScale);
        return sum;
    }

    /// <summary>Product of a row of bfloat16, which are the upper halves of floats, with inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotBrainFloats(ushort* w, float* x, int n)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i <= n - 64; i += 64)
        {
            s0 = Avx512F.FusedMultiplyAdd(Brain16(w + i), Vector512.Load(x + i), s0);
            s1 = Avx512F.FusedMultiplyAdd(Brain16(w + i + 16), Vector512.Load(x + i + 16), s1);
            s2 = Avx512F.FusedMultiplyAdd(Brain16(w + i + 32), Vector512.Load(x + i + 32), s2);
            s3 = Avx512F.FusedMultiplyAdd(Brain16(w + i + 48), Vector512.Load(x + i + 48), s3);
        }

        for (; i <= n - 16; i += 16) s0 = Avx512F.FusedMultiplyAdd(Brain16(w + i), Vector512.Load(x + i), s0);
        float sum = Vector512.Sum(s0 + s1 + (s2 + s3));
        for (; i < n; i++) sum += BitConverter.Int32BitsToSingle(w[i] << 16) * x[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Brain16(ushort* w) =>
        Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load(w)), 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8(int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
    {
        float* a4 = a + (4L * lda);
        float* c4 = c + (4L * ldc);
        long l = lda, l2 = 2L * lda, l3 = 3L * lda, o = ldc, o2 = 2L * ldc, o3 = 3L * ldc;
        Vector512<float> s00 = Vector512.Load(c), s01 = Vector512.Load(c + 16);
        Vector512<float> s10 = Vector512.Load(c + o), s11 = Vector512.Load(c + o + 16);
        Vector512<float> s20 = Vector512.Load(c + o2), s21 = Vector512.Load(c + o2 + 16);
        Vector512<float> s30 = Vector512.Load(c + o3), s31 = Vector512.Load(c + o3 + 16);
        Vector512<float> s40 = Vector512.Load(c4), s41 = Vector512.Load(c4 + 16);
        Vector512<float> s50 = Vector512.Load(c4 + o), s51 = Vector512.Load(c4 + o + 16);
        Vector512<float> s60 = Vector512.Load(c4 + o2), s61 = Vector512.Load(c4 + o2 + 16);
        Vector512<float> s70 = Vector512.Load(c4 + o3), s71 = Vector512.Load(c4 + o3 + 16);
        for (int p = 0; p < k; p++)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(*a);
            s00 = Avx512F.FusedMultiplyAdd(x, b0, s00);
            s01 = Avx512F.FusedMultiplyAdd(x, b1, s01);
            x = Vector512.Create(a[l]);
            s10 = Avx512F.FusedMultiplyAdd(x, b0, s10);
            s11 = Avx512F.FusedMultiplyAdd(x, b1, s11);
            x = Vector512.Create(a[l2]);
            s20 = Avx512F.FusedMultiplyAdd(x, b0, s20);
            s21 = Avx512F.FusedMultiplyAdd(x, b1, s21);
            x = Vector512.Create(a[l3]);
            s30 = Avx512F.FusedMultiplyAdd(x, b0, s30);
            s31 = Avx512F.FusedMultiplyAdd(x, b1, s31);
            x = Vector512.Create(*a4);
            s40 = Avx512F.FusedMultiplyAdd(x, b0, s40);
            s41 = Avx512F.FusedMultiplyAdd(x, b1, s41);
            x = Vector512.Create(a4[l]);
            s50 = Avx512F.FusedMultiplyAdd(x, b0, s50);
            s51 = Avx512F.FusedMultiplyAdd(x, b1, s51);
            x = Vector512.Create(a4[l2]);
            s60 = Avx512F.FusedMultiplyAdd(x, b0, s60);
            s61 = Avx512F.FusedMultiplyAdd(x, b1, s61);
            x = Vector512.Create(a4[l3]);
            s70 = Avx512F.FusedMultiplyAdd(x, b0, s70);
            s71 = Avx512F.FusedMultiplyAdd(x, b1, s71);
            a++;
            a4++;
            b += ldb;
        }

        s00.Store(c);
        s01.Store(c + 16);
        s10.Store(c + o);
        s11.Store(c + o + 16);
        s20.Store(c + o2);
        s21.Store(c + o2 + 16);
        s30.Store(c + o3);
        s31.Store(c + o3 + 16);
        s40.Store(c4);
        s41.Store(c4 + 16);
        s50.Store(c4 + o);
        s51.Store(c4 + o + 16);
        s60.Store(c4 + o2);
        s61.Store(c4 + o2 + 16);
        s70.Store(c4 + o3);
        s71.Store(c4 + o3 + 16);
    }

    private static void Tile1(int k, float* a, float* b, int ldb, float* c)
    {
        Vector512<float> s = Vector512.Load(c);
        for (int p = 0; p < k; p++)
        {
            s = Avx512F.FusedMultiplyAdd(Vector512.Create(a[p]), Vector512.Load(b), s);
            b += ldb;
        }

        s.Store(c);
    }
}
