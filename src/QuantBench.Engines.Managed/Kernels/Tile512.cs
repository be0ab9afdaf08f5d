using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Eight rows of 32 columns: 16 of 32 registers of 512 bits hold sums.</summary>
internal unsafe struct Tile512 : ITile
{
    static int ITile.Rows => 8;

    static int ITile.Columns => 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void ITile.MultiplyAdd(int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
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
}
