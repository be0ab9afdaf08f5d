using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>
/// 128-bit kernels: portable vectors, with ARM's byte dot products where the processor has them. They compute the same on any processor, so
/// that what runs on ARM is tested wherever the tests run; only ARM lists them as a device, since x64 always has a wider set.
/// </summary>
internal sealed unsafe class NeonKernels : VectorKernels<Floats128, WeightsF16, Tile128>
{
    /// <inheritdoc />
    public override string Name => "neon";

    /// <summary>What the device is, with the instructions it found.</summary>
    public static string Description => Dp.IsSupported ? "NEON with byte dot products, 128-bit vectors" : "NEON, 128-bit vectors";

    /// <summary>Whether this processor is what they are for.</summary>
    public static bool IsSupported => AdvSimd.Arm64.IsSupported;

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
    protected override bool Runs(BlockKernels blocks) => blocks.IsPortable;

    /// <inheritdoc />
    protected override void Rows(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output) =>
        blocks.Rows(128, weights, first, rows, inputs, token, output);

    /// <inheritdoc />
    protected override void Panels(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch) => blocks.Panels(128, weights, first, rows, inputs, tokens, output, stride, scratch);

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
}
