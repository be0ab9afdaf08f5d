using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>Four rows of 16 columns: 16 of 32 registers of 128 bits hold sums.</summary>
internal unsafe struct Tile128 : ITile
{
    static int ITile.Rows => 4;

    static int ITile.Columns => 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void ITile.MultiplyAdd(int k, float* a, int lda, float* b, int ldb, float* c, int ldc)
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
}
