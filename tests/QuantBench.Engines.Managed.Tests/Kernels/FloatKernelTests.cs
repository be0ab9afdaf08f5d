using QuantBench.Engines.Managed.Kernels;

namespace QuantBench.Engines.Managed.Tests.Kernels;

public sealed unsafe class FloatKernelTests
{
    private static readonly ScalarKernels s_scalar = new();

    [Fact]
    public void VectorKernels_AgreeWithScalar_ForEveryLength()
    {
        foreach (KernelSet kernels in Models.VectorKernels)
        {
            for (int n = 1; n <= 200; n++)
            {
                float[] x = Random(n, n, 4), y = Random(n, n + 1000, 4);
                fixed (float* px = x, py = y)
                {
                    Assert.Equal(s_scalar.Dot(px, py, n), kernels.Dot(px, py, n), 1e-5f * n * 16);
                    Assert.Equal(s_scalar.Maximum(px, n), kernels.Maximum(px, n));
                    Same(n, 1e-6f, (result, k) => k.RmsNorm(Start(x), Start(y), result, n, 1e-5f), kernels);
                    Same(n, 1e-6f, (result, k) => k.Gate(Start(x), Start(y), result, n, false), kernels);
                    Same(n, 3e-6f, (result, k) => k.Gate(Start(x), Start(y), result, n, true), kernels);
                    Same(n, 0, (result, k) => k.Add(result, Start(y), n), kernels);
                    Same(n, 0, (result, k) => k.Scale(result, 1.7f, n), kernels);
                }
            }
        }
    }

    [Fact]
    public void Exponentials_AgreeWithScalar_FromZeroToUnderflow()
    {
        foreach (KernelSet kernels in Models.VectorKernels)
        {
            float[] scores = [.. Enumerable.Range(0, 1101).Select(i => -0.1f * i)];
            float[] expected = [.. scores], actual = [.. scores];
            fixed (float* e = expected, a = actual)
            {
                float sum = s_scalar.Exponentials(e, scores.Length, 0);
                Assert.Equal(sum, kernels.Exponentials(a, scores.Length, 0), sum * 1e-6f);
            }

            for (int i = 0; i < scores.Length; i++) Assert.Equal(expected[i], actual[i], (expected[i] * 1e-6f) + 1e-40f);
        }
    }

    [Theory]
    [InlineData(1, 16, 1)]
    [InlineData(3, 48, 5)]
    [InlineData(8, 64, 64)]
    [InlineData(13, 80, 33)]
    [InlineData(64, 96, 17)]
    public void MultiplyAdd_AgreesWithScalar(int m, int n, int k)
    {
        int lda = k + 3, ldb = n + 16, ldc = n + 7;
        float[] a = Random(m * lda, 1, 1), b = Random(k * ldb, 2, 1);
        foreach (KernelSet kernels in Models.VectorKernels)
        {
            float[] expected = Random(m * ldc, 3, 1), actual = [.. expected];
            fixed (float* pa = a, pb = b, pe = expected, pc = actual)
            {
                s_scalar.MultiplyAdd(m, n, k, pa, lda, pb, ldb, pe, ldc);
                kernels.MultiplyAdd(m, n, k, pa, lda, pb, ldb, pc, ldc);
            }

            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f * (k + 1));
        }
    }

    [Fact]
    public void Quantize_GivesScalarBits_WhateverTheValues()
    {
        float[] specials = [0, -0f, 1e-38f, -1e-36f, 3e38f, 1, -127, 0.5f];
        foreach (KernelSet kernels in Models.VectorKernels)
        {
            using var expected = new Activations(2, 320);
            using var actual = new Activations(2, 320);
            for (int trial = 0; trial < 50; trial++)
            {
                float[] x = Random(320, trial, trial % 5 == 0 ? 1e-37f : 10);
                if (trial % 3 == 0) x[trial] = specials[trial % specials.Length];
                if (trial % 7 == 0) Array.Clear(x, 32, 32);
                x.CopyTo(new Span<float>(expected.Values + expected.Stride, 320));
                x.CopyTo(new Span<float>(actual.Values + actual.Stride, 320));
                s_scalar.Quantize(expected, 1, 0, 320);
                kernels.Quantize(actual, 1, 0, 320);
                Assert.True(
                    new ReadOnlySpan<sbyte>(expected.Bytes + expected.Stride, 320)
                        .SequenceEqual(new ReadOnlySpan<sbyte>(actual.Bytes + actual.Stride, 320)));
                Assert.True(
                    new ReadOnlySpan<short>(expected.Wide + expected.Stride, 320)
                        .SequenceEqual(new ReadOnlySpan<short>(actual.Wide + actual.Stride, 320)));
                Assert.True(
                    new ReadOnlySpan<float>(expected.Scales + expected.BlockStride, 10)
                        .SequenceEqual(new ReadOnlySpan<float>(actual.Scales + actual.BlockStride, 10)));
                Assert.True(
                    new ReadOnlySpan<float>(expected.Sums + expected.BlockStride, 10)
                        .SequenceEqual(new ReadOnlySpan<float>(actual.Sums + actual.BlockStride, 10)));
                Assert.True(
                    new ReadOnlySpan<float>(expected.HalfSums + (2 * expected.BlockStride), 20)
                        .SequenceEqual(new ReadOnlySpan<float>(actual.HalfSums + (2 * actual.BlockStride), 20)));
            }
        }
    }

    [Fact]
    public void HalvesToFloats_IsExact_ForEveryHalf()
    {
        ushort[] halves = [.. Enumerable.Range(0, 65_536).Select(i => (ushort)i)];
        float[] expected = [.. halves.Select(bits => (float)BitConverter.UInt16BitsToHalf(bits))], floats = new float[halves.Length];
        foreach (KernelSet kernels in Models.VectorKernels)
        {
            fixed (ushort* source = halves)
            fixed (float* target = floats) kernels.HalvesToFloats(source, target, halves.Length);
            foreach (ushort bits in halves) Same(expected[bits], floats[bits]);
        }

        foreach (ushort bits in halves) Same(expected[bits], Halves.ToFloat(bits));

        // By bits, so that the sign of zero counts too; of NaNs there are many.
        static void Same(float expected, float actual)
        {
            if (float.IsNaN(expected)) Assert.True(float.IsNaN(actual));
            else Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual));
        }
    }

    [Fact]
    public void FloatsToHalves_RoundsAsDotNetDoes_AtEveryHalfAndHalfWayToTheNext()
    {
        // Each finite half, the points half-way to its neighbour, and the floats on both sides of those.
        var floats = new List<float> { float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.MaxValue, float.Epsilon, 65519.99f,
            65520 };
        for (int bits = 0; bits < 65_535; bits++)
        {
            float value = (float)BitConverter.UInt16BitsToHalf((ushort)bits),
                next = (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1));
            if (!float.IsFinite(value) || !float.IsFinite(next)) continue;
            float middle = (value + next) / 2;
            floats.AddRange([value, middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)]);
        }

        foreach (KernelSet kernels in Models.VectorKernels)
        {
            ushort[] actual = new ushort[floats.Count];
            fixed (float* source = floats.ToArray())
            fixed (ushort* target = actual) kernels.FloatsToHalves(source, target, actual.Length);
            for (int i = 0; i < actual.Length; i++)
            {
                ushort expected = BitConverter.HalfToUInt16Bits((Half)floats[i]);
                if (float.IsNaN(floats[i])) Assert.True(Half.IsNaN(BitConverter.UInt16BitsToHalf(actual[i])));
                else Assert.True(expected == actual[i], $"{kernels.Name}: {floats[i]:R} gives {actual[i]:X4} instead of {expected:X4}");
            }
        }
    }

    private delegate void Kernel(float* result, KernelSet kernels);

    private static void Same(int n, float tolerance, Kernel kernel, KernelSet kernels)
    {
        float[] expected = Random(n, 77, 2), actual = [.. expected];
        fixed (float* e = expected, a = actual)
        {
            kernel(e, s_scalar);
            kernel(a, kernels);
        }

        for (int i = 0; i < n; i++) Assert.Equal(expected[i], actual[i], tolerance * (1 + Math.Abs(expected[i])));
    }

    // The array is pinned by the caller's fixed statement.
    private static float* Start(float[] pinned) => (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[0]);

    private static float[] Random(int count, int seed, float range)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 2 * range))];
    }
}
