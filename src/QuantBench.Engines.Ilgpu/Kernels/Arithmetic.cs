using ILGPU;
using ILGPU.Runtime.Cuda;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>
/// Arithmetic that every back end computes alike: only additions, multiplications, divisions and bit operations, no library function whose
/// precision a driver chooses.
/// </summary>
internal static class Arithmetic
{
    // 1.5·2²³: adding it leaves the nearest integer (ties to even) in the low bits of the sum.
    private const float RoundingShift = 12_582_912f;
    private const int RoundingBits = 0x4B400000;
    private const int OneBits = 0x3F800000;

    /// <summary>Bits of a float.</summary>
    public static int BitsOf(float x) => (int)Interop.FloatAsInt(x);

    /// <summary>The float of some bits.</summary>
    public static float FromBits(int bits) => Interop.IntAsFloat((uint)bits);

    /// <summary>
    /// The value where a switch is 1, 0 where it is 0; without a branch. A branch on a parameter makes PoCL's compiler copy the loop over a
    /// group's threads for either side, and so for every combination of a kernel's switches.
    /// </summary>
    public static float Where(int isOn, float value) => FromBits(BitsOf(value) & -isOn);

    /// <summary>The value where a switch is 1, 1 where it is 0; without a branch.</summary>
    public static float FactorWhere(int isOn, float value) => FromBits((BitsOf(value) & -isOn) | (OneBits & (isOn - 1)));

    /// <summary>An element where a switch is 1, the first where it is 0: of a view that stands for nothing.</summary>
    public static int IndexWhere(int isOn, int index) => index & -isOn;

    /// <summary>Nearest integer of |x| &lt; 2²², ties to even.</summary>
    public static int Round(float x) => BitsOf(x + RoundingShift) - RoundingBits;

    /// <summary>A half-precision number; infinities and NaNs, which no valid weight or cache entry is, become finite numbers of 2¹⁶ and
    /// more.</summary>
    /// <remarks>CUDA converts by an instruction, which keeps infinities and NaNs.</remarks>
    public static float Half(int bits)
    {
        if (CudaAsm.IsSupported)
        {
            CudaAsm.Emit("{ .reg .b16 low, high; mov.b32 {low, high}, %1; cvt.f32.f16 %0, low; }", out float result, bits);
            return result;
        }

        int sign = (bits & 0x8000) << 16;
        int rest = bits & 0x7FFF;

        // Subnormals are multiples of 2⁻²⁴. Built from an integer, so that devices that flush subnormal floats keep them.
        float normal = FromBits((rest << 13) + 0x38000000);
        float magnitude = rest < 0x400 ? rest * 5.9604644775390625e-8f : normal;
        return FromBits(BitsOf(magnitude) | sign);
    }

    /// <summary>The nearest half-precision number, ties to even; too large ones become infinite.</summary>
    public static ushort ToHalf(float x)
    {
        int bits = BitsOf(x);
        int sign = (bits >> 16) & 0x8000;
        int magnitude = bits & 0x7FFFFFFF;

        // Below 2⁻¹⁴ the result is a multiple of 2⁻²⁴.
        int small = Round(FromBits(magnitude < 0x38800000 ? magnitude : 0) * 16_777_216f);
        int normal = (magnitude + 0xFFF + ((magnitude >> 13) & 1) - 0x38000000) >> 13;
        int half = magnitude < 0x38800000 ? small : normal;
        half = half > 0x7C00 ? 0x7C00 : half;
        return (ushort)(half | sign);
    }

    /// <summary>eˣ within 2 ulp; 0 below −87, e⁸⁸ above 88.</summary>
    public static float Exp(float x)
    {
        float clamped = x < -87f ? -87f : x > 88f ? 88f : x;
        int n = Round(clamped * 1.44269504f);

        // ln 2 in two parts: the first has few bits, so that n times it is exact.
        float r = clamped - (n * 0.693359375f);
        r += n * 2.12194440e-4f;
        float p = 1.9875691500e-4f;
        p = (p * r) + 1.3981999507e-3f;
        p = (p * r) + 8.3334519073e-3f;
        p = (p * r) + 4.1665795894e-2f;
        p = (p * r) + 1.6666665459e-1f;
        p = (p * r) + 5.0000001201e-1f;
        float result = ((p * r * r) + r + 1) * FromBits((n + 127) << 23);
        return x < -87f ? 0 : result;
    }

    /// <summary>ln x of a normal number above 0, within 2e-7 or 2 ulp: by the exponent, and the series of atanh of the rest.</summary>
    public static float Log(float x)
    {
        int bits = (int)Interop.FloatAsInt(x);
        float m = FromBits((bits & 0x7FFFFF) | 0x3F800000);
        float s = (m - 1) / (m + 1), q = s * s;
        float series = 1 + (q * ((1f / 3) + (q * ((1f / 5) + (q * ((1f / 7) + (q * ((1f / 9) + (q * ((1f / 11) + (q / 13)))))))))));
        return (2 * s * series) + (((bits >> 23) - 127) * 0.69314718f);
    }

    /// <summary>tanh x, by exponentials.</summary>
    public static float Tanh(float x)
    {
        float e = Exp(2 * x);
        return 1 - (2 / (e + 1));
    }

    /// <summary>x·sigmoid(x).</summary>
    public static float Silu(float x) => x / (1 + Exp(-x));

    /// <summary>GELU in its tanh form.</summary>
    public static float Gelu(float x) => 0.5f * x * (1 + Tanh(0.79788456080286535588f * x * (1 + (0.044715f * x * x))));

    /// <summary>sum + Σ aᵢ·bᵢ over the four signed bytes of a and b.</summary>
    /// <remarks>
    /// CUDA has one instruction for it (compute capability 6.1). That instruction was checked as generated code only: no CUDA device was at
    /// hand. Everywhere else bytes are widened, which OpenCL devices and the CPU accelerator run in the tests.
    /// </remarks>
    public static int Dot4(int a, int b, int sum)
    {
        if (CudaAsm.IsSupported)
        {
            CudaAsm.Emit("dp4a.s32.s32 %0, %1, %2, %3;", out int result, a, b, sum);
            return result;
        }

        return sum + ((a << 24 >> 24) * (b << 24 >> 24)) + ((a << 16 >> 24) * (b << 16 >> 24)) + ((a << 8 >> 24) * (b << 8 >> 24))
            + ((a >> 24) * (b >> 24));
    }

    /// <summary>Σ aᵢ·bᵢ over sixteen signed bytes.</summary>
    public static int Dot16(Int4 a, Int4 b) => Dot4(a.W, b.W, Dot4(a.Z, b.Z, Dot4(a.Y, b.Y, Dot4(a.X, b.X, 0))));

    /// <summary>The product of 32 weights with 32 inputs.</summary>
    public static float Dot(WeightChunk w, InputChunk x)
    {
        float scaled = (w.ScaleLow * Dot16(w.Low, x.Low)) + (w.ScaleHigh * Dot16(w.High, x.High));
        return (x.Scale * scaled) + (w.OffsetLow * x.SumLow) + (w.OffsetHigh * x.SumHigh);
    }

    /// <summary>The product of eight weights with eight inputs.</summary>
    public static float Dot(Float8 w, Float8 x) =>
        (w.A * x.A) + (w.B * x.B) + (w.C * x.C) + (w.D * x.D) + (w.E * x.E) + (w.F * x.F) + (w.G * x.G) + (w.H * x.H);
}
