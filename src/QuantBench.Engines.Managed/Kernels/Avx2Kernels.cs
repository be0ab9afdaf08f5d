using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>256-bit kernels: AVX2 and FMA.</summary>
internal sealed unsafe class Avx2Kernels : VectorKernels<Floats256, WeightsUnscaledF16, Tile256>
{
    /// <inheritdoc />
    public override string Name => "avx2";

    /// <summary>Whether this process may use them.</summary>
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    /// <inheritdoc />
    public override bool UsesWideInputs(GgmlType type) => BlockKernels.Of(type) is { IsSigned: true };

    /// <inheritdoc />
    public override void Quantize(Activations activations, int token, int first, int count) =>
        QuantizeBlocks(activations, token, first, count);

    /// <inheritdoc cref="KernelSet.Quantize"/>
    public static void QuantizeBlocks(Activations activations, int token, int first, int count)
    {
        long offset = (long)token * activations.Stride;
        for (int block = first / 32; block < (first + count) / 32; block++)
        {
            float* x = activations.Values + offset + (block * 32);
            Vector256<float> v0 = Vector256.Load(x), v1 = Vector256.Load(x + 8), v2 = Vector256.Load(x + 16), v3 = Vector256.Load(x + 24);
            Vector256<float> most = Vector256.Max(
                Vector256.Max(Vector256.Abs(v0), Vector256.Abs(v1)), Vector256.Max(Vector256.Abs(v2), Vector256.Abs(v3)));
            float largest = Largest(most);
            float d = largest / 127;
            Vector256<float> inverse = Vector256.Create(largest > ScalarKernels.SmallestScaled ? 127 / largest : 0);
            Vector256<int> i0 = Avx.ConvertToVector256Int32(v0 * inverse), i1 = Avx.ConvertToVector256Int32(v1 * inverse);
            Vector256<int> i2 = Avx.ConvertToVector256Int32(v2 * inverse), i3 = Avx.ConvertToVector256Int32(v3 * inverse);
            Vector256<short> low = Avx2.Permute4x64(Avx2.PackSignedSaturate(i0, i1).AsInt64(), 0b11_01_10_00).AsInt16();
            Vector256<short> high = Avx2.Permute4x64(Avx2.PackSignedSaturate(i2, i3).AsInt64(), 0b11_01_10_00).AsInt16();
            if (activations.Wide is not null)
            {
                low.Store(activations.Wide + offset + (block * 32));
                high.Store(activations.Wide + offset + (block * 32) + 16);
            }

            Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsSByte()
                .Store(activations.Bytes + offset + (block * 32));
            int lowSum = Vector256.Sum(i0 + i1);
            int highSum = Vector256.Sum(i2 + i3);
            long at = ((long)token * activations.BlockStride) + block;
            activations.Scales[at] = d;
            activations.Sums[at] = d * (lowSum + highSum);
            activations.HalfSums[2 * at] = d * lowSum;
            activations.HalfSums[(2 * at) + 1] = d * highSum;
        }
    }

    /// <inheritdoc />
    protected override void Rows(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int token, float* output) =>
        blocks.Rows(256, weights, first, rows, inputs, token, output);

    /// <inheritdoc />
    protected override void Panels(
        BlockKernels blocks, WeightMatrix weights, int first, int rows, Activations inputs, int tokens, float* output, int stride,
        WorkerScratch scratch) => blocks.Panels(256, weights, first, rows, inputs, tokens, output, stride, scratch);

    /// <summary>Largest element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector256<float> values)
    {
        Vector128<float> half = Vector128.Max(values.GetLower(), values.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(half.ToScalar(), half.GetElement(1));
    }
}
