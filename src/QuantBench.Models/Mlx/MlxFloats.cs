using QuantBench.Models.Scaled;

namespace QuantBench.Models.Mlx;

/// <summary>
/// Encoding in MLX's float modes, as its kernels do it: a group's largest magnitude over the largest element gives the scale, which is
/// rounded to E4M3 or, in logarithms, to a power of two (up where elements have 8 bits); elements are rounded to the nearest, ties to even.
/// </summary>
internal static class MlxFloats
{
    private const float LargestE2M1 = 6;
    private const float LargestE4M3 = 448;

    /// <summary>Encodes a row.</summary>
    /// <param name="row">[columns], finite; whole groups.</param>
    /// <param name="quantization">A float mode.</param>
    /// <param name="packed">Receives the elements.</param>
    /// <param name="scales">Receives a byte per group.</param>
    public static void QuantizeRow(ReadOnlySpan<float> row, MlxQuantization quantization, Span<byte> packed, Span<byte> scales)
    {
        int size = quantization.GroupSize;
        bool isWide = quantization.Bits == 8;
        for (int g = 0; g < scales.Length; g++)
        {
            ReadOnlySpan<float> group = row.Slice(g * size, size);
            float largest = 0;
            foreach (float value in group) largest = MathF.Max(largest, MathF.Abs(value));
            largest /= isWide ? LargestE4M3 : LargestE2M1;
            float scale;
            if (quantization.Mode == MlxMode.Nvfp4)
            {
                scales[g] = SmallFloats.ToE4M3(largest);
                scale = SmallFloats.E4M3[scales[g]];
            }
            else
            {
                // Elements of 8 bits are finer than what a scale that is too small would cut off of the largest.
                float power = largest == 0 ? -127 : MathF.Log2(largest);
                power = isWide ? MathF.Ceiling(power) : MathF.Round(power, MidpointRounding.AwayFromZero);
                int exponent = (int)Math.Clamp(power, -127, 127);
                scales[g] = (byte)(exponent + 127);
                scale = SmallFloats.E8M0[scales[g]];
            }

            Span<byte> to = packed.Slice(g * size * quantization.Bits / 8, size * quantization.Bits / 8);
            to.Clear();
            if (scale == 0) continue;
            for (int i = 0; i < size; i++)
            {
                if (isWide) to[i] = SmallFloats.ToE4M3(group[i] / scale);
                else to[i / 2] |= (byte)(SmallFloats.ToE2M1(group[i] / scale) << (4 * (i & 1)));
            }
        }
    }
}
