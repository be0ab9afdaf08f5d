using ILGPU;
using ILGPU.Runtime.Cuda;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Small matrix products by a whole warp of 32 threads: CUDA's <c>mma.sync</c> instructions of compute capability 8.0, whose operands are
/// spread over the registers of the warp's threads.
/// </summary>
/// <remarks>
/// <para>
/// With g = lane / 4 and t = lane % 4, a thread holds of A (16 rows, weights) the rows g and g + 8, of B (8 columns, tokens) column g, and
/// of the result rows g and g + 8 at columns 2t and 2t + 1: X = (g, 2t), Y = (g, 2t + 1), Z = (g + 8, 2t), W = (g + 8, 2t + 1). Along the
/// common dimension a register holds four bytes 4t … 4t + 3, or two bfloats 2t and 2t + 1; the second register of a pair lies 16 bytes or 8
/// bfloats further on.
/// </para>
/// <para>
/// Elsewhere the same is computed by exchanging the registers between the threads of the warp, after the layout above, which is the one
/// that NVIDIA's manual of PTX gives. That is for ILGPU's simulation with warps of 32, where the tests run it. The instructions themselves
/// were assembled, never executed: no such device was at hand.
/// </para>
/// </remarks>
internal static class TensorCore
{
    /// <summary>Threads that must call together.</summary>
    public const int WarpThreads = 32;

    /// <summary>sum + A·B for 16 rows, 8 columns and 16 signed bytes along the common dimension.</summary>
    /// <param name="a0">Row g.</param>
    /// <param name="a1">Row g + 8.</param>
    /// <param name="b0">Column g.</param>
    /// <param name="sum">What is added, the same number everywhere.</param>
    public static Int4 Multiply16(int a0, int a1, int b0, int sum)
    {
        if (!CudaAsm.IsSupported) return Exchange(a0, a1, b0, new Int4 { X = sum, Y = sum, Z = sum, W = sum });
        Output<int> x = default, y = default, z = default, w = default;
        Input<int> left0 = a0, left1 = a1, right0 = b0, added = sum;
        CudaAsm.EmitRef(
            "mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%7, %7, %7, %7};",
            ref x, ref y, ref z, ref w, ref left0, ref left1, ref right0, ref added);
        return new Int4 { X = x.Value, Y = y.Value, Z = z.Value, W = w.Value };
    }

    /// <summary>sum + A·B for 16 rows, 8 columns and 32 signed bytes along the common dimension.</summary>
    /// <param name="a0">Row g, first 16 bytes.</param>
    /// <param name="a1">Row g + 8, first 16 bytes.</param>
    /// <param name="a2">Row g, last 16 bytes.</param>
    /// <param name="a3">Row g + 8, last 16 bytes.</param>
    /// <param name="b0">Column g, first 16 bytes.</param>
    /// <param name="b1">Column g, last 16 bytes.</param>
    /// <param name="sum">What is added, the same number everywhere.</param>
    public static Int4 Multiply32(int a0, int a1, int a2, int a3, int b0, int b1, int sum)
    {
        if (!CudaAsm.IsSupported) return Exchange(a2, a3, b1, Exchange(a0, a1, b0, new Int4 { X = sum, Y = sum, Z = sum, W = sum }));
        Output<int> x = default, y = default, z = default, w = default;
        Input<int> left0 = a0, left1 = a1, left2 = a2, left3 = a3, right0 = b0, right1 = b1, added = sum;
        CudaAsm.EmitRef(
            "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %10, %10, %10};",
            ref x, ref y, ref z, ref w, ref left0, ref left1, ref left2, ref left3, ref right0, ref right1, ref added);
        return new Int4 { X = x.Value, Y = y.Value, Z = z.Value, W = w.Value };
    }

    /// <summary>sum + A·B for 16 rows, 8 columns and 16 bfloats along the common dimension, added up as floats.</summary>
    /// <param name="a0">Row g, first 8.</param>
    /// <param name="a1">Row g + 8, first 8.</param>
    /// <param name="a2">Row g, last 8.</param>
    /// <param name="a3">Row g + 8, last 8.</param>
    /// <param name="b0">Column g, first 8.</param>
    /// <param name="b1">Column g, last 8.</param>
    /// <param name="sum">What is added.</param>
    public static Float4 MultiplyFloats(int a0, int a1, int a2, int a3, int b0, int b1, Float4 sum)
    {
        if (!CudaAsm.IsSupported) return Exchange(a2, a3, b1, Exchange(a0, a1, b0, sum));
        Output<float> x = default, y = default, z = default, w = default;
        Input<int> left0 = a0, left1 = a1, left2 = a2, left3 = a3, right0 = b0, right1 = b1;
        Input<float> sumX = sum.X, sumY = sum.Y, sumZ = sum.Z, sumW = sum.W;
        CudaAsm.EmitRef(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};",
            ref x, ref y, ref z, ref w, ref left0, ref left1, ref left2, ref left3, ref right0, ref right1, ref sumX, ref sumY, ref sumZ,
            ref sumW);
        return new Float4 { X = x.Value, Y = y.Value, Z = z.Value, W = w.Value };
    }

    private static Int4 Exchange(int a0, int a1, int b0, Int4 sum)
    {
        int row = Warp.LaneIdx / 4 * 4, column = Warp.LaneIdx % 4 * 8;
        for (int k = 0; k < 4; k++)
        {
            int w0 = Warp.Shuffle(a0, row + k), w1 = Warp.Shuffle(a1, row + k);
            int x0 = Warp.Shuffle(b0, column + k), x1 = Warp.Shuffle(b0, column + 4 + k);
            sum.X = Arithmetic.Dot4(w0, x0, sum.X);
            sum.Y = Arithmetic.Dot4(w0, x1, sum.Y);
            sum.Z = Arithmetic.Dot4(w1, x0, sum.Z);
            sum.W = Arithmetic.Dot4(w1, x1, sum.W);
        }

        return sum;
    }

    private static Float4 Exchange(int a0, int a1, int b0, Float4 sum)
    {
        int row = Warp.LaneIdx / 4 * 4, column = Warp.LaneIdx % 4 * 8;
        for (int k = 0; k < 4; k++)
        {
            int w0 = Warp.Shuffle(a0, row + k), w1 = Warp.Shuffle(a1, row + k);
            int x0 = Warp.Shuffle(b0, column + k), x1 = Warp.Shuffle(b0, column + 4 + k);
            sum.X += Dot2(w0, x0);
            sum.Y += Dot2(w0, x1);
            sum.Z += Dot2(w1, x0);
            sum.W += Dot2(w1, x1);
        }

        return sum;
    }

    private static float Dot2(int a, int b) =>
        (Arithmetic.FromBits(a << 16) * Arithmetic.FromBits(b << 16))
            + (Arithmetic.FromBits(a & unchecked((int)0xFFFF0000)) * Arithmetic.FromBits(b & unchecked((int)0xFFFF0000)));
}
