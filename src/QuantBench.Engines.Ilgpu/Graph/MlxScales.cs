using System.Runtime.InteropServices;

namespace QuantBench.Engines.Ilgpu.Graph;

/// <summary>Scales and biases of MLX matrices in the smallest type that holds them all exactly: the one they were stored in, or a smaller
/// one.</summary>
internal static class MlxScales
{
    /// <summary>The type, as <see cref="Kernels.MatrixView.ScaleKind"/> numbers it.</summary>
    /// <param name="scales">Scales.</param>
    /// <param name="biases">Biases.</param>
    public static int KindOf(ReadOnlySpan<float> scales, ReadOnlySpan<float> biases)
    {
        if (AllFit(scales, static x => (float)(Half)x) && AllFit(biases, static x => (float)(Half)x)) return 0;
        return AllFit(scales, Truncated) && AllFit(biases, Truncated) ? 1 : 2;
    }

    /// <summary>Bytes of the numbers in a type that holds them.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="kind">The type.</param>
    public static byte[] Pack(ReadOnlySpan<float> values, int kind)
    {
        if (kind == 2) return MemoryMarshal.AsBytes(values).ToArray();
        ushort[] packed = new ushort[values.Length];
        for (int i = 0; i < packed.Length; i++)
        {
            packed[i] = kind == 0 ? BitConverter.HalfToUInt16Bits((Half)values[i])
                : (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
        }

        return MemoryMarshal.AsBytes(packed.AsSpan()).ToArray();
    }

    private static bool AllFit(ReadOnlySpan<float> values, Func<float, float> round)
    {
        foreach (float value in values)
        {
            if (round(value) != value) return false;
        }

        return true;
    }

    private static float Truncated(float x) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0xFFFF0000);
}
