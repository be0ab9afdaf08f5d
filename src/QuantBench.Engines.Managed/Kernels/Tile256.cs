using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Four rows of 16 columns: 8 of 16 registers of 256 bits hold sums.</summary>
internal unsafe struct Tile256 : ITile
{
    static int ITile.Rows => 4;

    static int ITile.Columns => 16;

    static void ITile.MultiplyAdd(int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
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
}
