using ILGPU;
using ILGPU.Runtime;
using QuantBench.Core.Statistics;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Ilgpu.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Weights;

namespace QuantBench.DeviceCheck;

/// <summary>
/// Times of single kernels by the device's own events, so that neither launching nor the host's clock is in them. Weights of several
/// matrices take turns, so that caches can't hold them.
/// </summary>
internal sealed class DeviceBench(TestDevice device, long coldBytes, double seconds)
{
    private const int MinSamples = 5;
    private const int MaxSamples = 200;

    /// <summary>Samples of the rate at which the device copies memory: bytes read and written per second.</summary>
    public double[] CopyBandwidth()
    {
        long units = Math.Max(coldBytes / 16, 1 << 20);
        using MemoryBuffer1D<Int4, Stride1D.Dense> from = device.Memory.AllocateZeroed<Int4>(units, "a benchmark"),
            to = device.Memory.AllocateZeroed<Int4>(units, "a benchmark");
        var copy = device.Memory.Compile<Action<AcceleratorStream, KernelConfig, ArrayView<Int4>, ArrayView<Int4>>>(CopyKernels.Copy);
        int threads = device.Kernels.Threads;
        KernelConfig config = device.Kernels.Groups((int)Math.Min((units + threads - 1) / threads, 1 << 16));
        return [.. Samples(_ => copy(device.Memory.Stream, config, from.View, to.View)).Select(s => 32.0 * units / s)];
    }

    /// <summary>Samples of a product's seconds.</summary>
    /// <param name="type">Format.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="tokens">Input vectors; from <c>5</c> on the tiled kernel is timed.</param>
    public unsafe double[] Product(GgmlType type, int rows, int columns, int tokens)
    {
        long bytes = GgmlTypes.ByteSize(type, columns) * rows;
        int copies = (int)Math.Clamp((coldBytes / bytes) + 1, 1, 64);
        using var host = new NativeBuffer(bytes);

        // No kernel's time depends on the weights' values; without the upper bits floats and scales are finite.
        var random = new Span<byte>(host.As<byte>(), checked((int)bytes));
        new Random(1).NextBytes(random);
        for (int i = 0; i < random.Length; i++) random[i] &= 0x3F;
        var source = new WeightMatrix(host.As<byte>(), type, rows, columns);
        var matrices = new List<DeviceMatrix>();
        try
        {
            for (int i = 0; i < copies; i++) matrices.Add(DeviceMatrix.Upload(device.Memory, "a benchmark", source));
            using var inputs = new TestInputs(device, tokens, columns, new Random(2), exact: false);
            using MemoryBuffer1D<float, Stride1D.Dense> output = device.Memory.AllocateZeroed<float>((long)tokens * rows, "a benchmark");
            FormatKernels kernels = device.Kernels.Of(matrices[0].Format);
            return Samples(i =>
            {
                MatrixView m = matrices[i % copies].View;
                if (tokens > 4) kernels.MatMul(device.Memory.Stream, m, inputs.Buffer.View, tokens, output.View, rows, 0);
                else kernels.MatVec(device.Memory.Stream, device.Kernels.Threads, m, inputs.Buffer.View, tokens, output.View, rows, 0);
            });
        }
        finally
        {
            foreach (DeviceMatrix matrix in matrices) matrix.Dispose();
        }
    }

    /// <summary>Repeats until the median is known to 2 % or the time is used up.</summary>
    /// <param name="launch">Queues the work; given the sample's number.</param>
    /// <returns>Seconds of each.</returns>
    public double[] Samples(Action<int> launch)
    {
        // Compiles, and wakes the device up.
        for (int i = 0; i < 3; i++) launch(i);
        device.Memory.Stream.Synchronize();
        var samples = new List<double>();
        double spent = 0;
        while (samples.Count < MinSamples || (spent < seconds && samples.Count < MaxSamples && !IsKnown(samples)))
        {
            using ProfilingMarker start = device.Memory.Stream.AddProfilingMarker();
            launch(samples.Count);
            using ProfilingMarker end = device.Memory.Stream.AddProfilingMarker();
            end.Synchronize();
            double time = (end - start).TotalSeconds;
            samples.Add(time);
            spent += time;
        }

        return [.. samples];
    }

    private static bool IsKnown(List<double> samples)
    {
        if (samples.Count % 10 != 0) return false;
        double[] sorted = [.. samples.Order()];
        double median = Descriptive.Median(sorted);
        return sorted[sorted.Length * 3 / 4] - sorted[sorted.Length / 4] < 0.02 * median;
    }
}
