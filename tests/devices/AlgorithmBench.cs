using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Algorithms.ScanReduceOperations;
using ILGPU.Runtime;
using QuantBench.Core.Statistics;
using QuantBench.Engines.Ilgpu.Graph;

namespace QuantBench.DeviceCheck;

/// <summary>What ILGPU.Algorithms offers beside what the engine has: times by the device's events, and the largest relative
/// difference.</summary>
internal static class AlgorithmBench
{
    private const int Vocabulary = 128_256;
    private const int Rows = 512;
    private const int Width = 2048;

    /// <summary>Measures and prints.</summary>
    /// <param name="device">A device whose context has the library's algorithms.</param>
    /// <param name="seconds">Time for each figure.</param>
    public static void Run(TestDevice device, double seconds)
    {
        var bench = new DeviceBench(device, 0, seconds);
        AcceleratorStream stream = device.Memory.Stream;
        Accelerator accelerator = device.Memory.Accelerator;
        Console.WriteLine($"{device.Id}: {accelerator.Name.Trim()}");
        Console.WriteLine($"{"",-44}{"ours",10}{"library",10}{"library/ours",14}{"difference",12}");
        void Row(string what, Action ours, Action theirs, Func<double> difference)
        {
            double[] a = bench.Samples(_ => ours()), b = bench.Samples(_ => theirs());
            (double mine, double other) = (Descriptive.Median(a), Descriptive.Median(b));
            Console.WriteLine($"{what,-44}{mine * 1e6,7:0.0} us{other * 1e6,7:0.0} us{other / mine,14:0.00}{difference(),12:0.0e+0}");
        }

        var random = new Random(1);
        float[] numbers = [.. Enumerable.Range(0, Rows * Width).Select(_ => (random.NextSingle() * 20) - 20)];
        using MemoryBuffer1D<float, Stride1D.Dense> values = device.Upload<float>(numbers);
        using MemoryBuffer1D<float, Stride1D.Dense> first = device.Upload<float>(new float[Rows * Width]);
        using MemoryBuffer1D<float, Stride1D.Dense> second = device.Upload<float>(new float[Rows * Width]);
        double Difference(int count) => device.Download(first, count).Zip(device.Download(second, count), Relative).Max();

        using MemoryBuffer1D<float, Stride1D.Dense> best = device.Upload<float>(new float[GraphKernels.ArgMaxParts]);
        using MemoryBuffer1D<int, Stride1D.Dense> indices = device.Upload<int>(new int[GraphKernels.ArgMaxParts]);
        using MemoryBuffer1D<int, Stride1D.Dense> token = device.Upload<int>(new int[3]);
        ArrayView<float> logits = values.View.SubView(0, Vocabulary);
        Row($"largest of {Vocabulary} (the library: without place)",
            () =>
            {
                device.Kernels.ArgMaxOfParts.Queue(stream, device.Kernels.Groups(GraphKernels.ArgMaxParts), logits, Vocabulary, best.View,
                    indices.View);
                device.Kernels.ArgMax.Queue(stream, device.Kernels.Groups(1), best.View, indices.View, GraphKernels.ArgMaxParts,
                    token.View.SubView(0, 1), token.View.SubView(1, 1), token.View.SubView(2, 1), 0);
            },
            () => accelerator.Reduce<float, MaxFloat>(stream, logits, second.View.SubView(0, 1)),
            () => Relative(numbers[device.Download(token, 1)[0]], device.Download(second, 1)[0]));

        KernelConfig rows = device.Kernels.Groups(Rows);
        Action<AcceleratorStream, KernelConfig, ArrayView<float>, int, ArrayView<float>> Squares(
            Action<ArrayView<float>, int, ArrayView<float>> kernel) =>
            device.Memory.Compile<Action<AcceleratorStream, KernelConfig, ArrayView<float>, int, ArrayView<float>>>(kernel);
        var (ourSquares, theirSquares) = (Squares(AlgorithmKernels.OurSquares), Squares(AlgorithmKernels.TheirSquares));
        Row($"sums of squares of {Rows} rows of {Width}", () => ourSquares(stream, rows, values.View, Width, first.View),
            () => theirSquares(stream, rows, values.View, Width, second.View), () => Difference(Rows));

        KernelConfig pieces = device.Kernels.Groups((Rows * Width) / device.Kernels.Threads);
        Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>> Exp(
            Action<ArrayView<float>, ArrayView<float>> kernel) =>
            device.Memory.Compile<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>>>(kernel);
        var (ourExp, theirExp) = (Exp(AlgorithmKernels.OurExp), Exp(AlgorithmKernels.TheirExp));
        Row($"{Rows * Width} exponentials", () => ourExp(stream, pieces, values.View, first.View),
            () => theirExp(stream, pieces, values.View, second.View), () => Difference(Rows * Width));
    }

    private static double Relative(float a, float b) => a == b ? 0 : Math.Abs(a - b) / Math.Max(Math.Abs(a), Math.Abs(b));
}
