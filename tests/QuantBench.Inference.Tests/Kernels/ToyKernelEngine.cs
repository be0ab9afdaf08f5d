using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Kernels;

namespace QuantBench.Inference.Tests.Kernels;

/// <summary>An engine whose kernels take the time they are told to, on a clock of the test's.</summary>
internal sealed class ToyKernelEngine(FakeTimeProvider clock, Func<int, TimeSpan> duration) : IEngine, IKernelEngine
{
    public float Result { get; init; } = 1;

    /// <summary>How much faster the device's clock says it was than the host's; null = no device clock.</summary>
    public double? DeviceFactor { get; init; }

    public int Threads { get; private set; }

    public int Runs { get; private set; }

    public bool Disposed { get; private set; }

    public string Name => "toy";

    public string Build => "toy 1";

    public ImmutableArray<GgmlType> KernelTypes => [GgmlType.Q4_0];

    public ImmutableArray<EngineDevice> Devices() => [new("cpu", "toy", Support.Yes)];

    public Support CanRunKernel(KernelSpec kernel, string device) =>
        kernel.Type == GgmlType.Q4_0 ? Support.Yes : Support.No($"toy/{device}: no kernels for {kernel.Type}");

    public IKernel CreateKernel(KernelSpec kernel, string device, int threads, long coldBytes)
    {
        Threads = threads;
        float[] output = new float[kernel.Tokens * kernel.Size.Rows];
        return DeviceFactor is null ? new Kernel(this, output) : new DeviceKernel(this, output);
    }

    public void Dispose()
    {
    }

    private sealed class DeviceKernel(ToyKernelEngine engine, float[] output) : Kernel(engine, output), IDeviceKernel
    {
        public double Time(int runs)
        {
            long start = Engine.Now();
            for (int i = 0; i < runs; i++) Run();
            return Engine.Since(start).TotalSeconds / Engine.DeviceFactor!.Value; // made only where there is one
        }

        public double CopyBandwidth() => 21_504_000;
    }

    private class Kernel(ToyKernelEngine engine, float[] output) : IKernel
    {
        public ReadOnlySpan<float> Output => output;

        protected ToyKernelEngine Engine { get; } = engine;

        public void Run()
        {
            Engine.Advance();
            output.AsSpan().Fill(Engine.Result);
        }

        public void Dispose() => Engine.Disposed = true;
    }

    private long Now() => clock.GetTimestamp();

    private TimeSpan Since(long start) => clock.GetElapsedTime(start);

    private void Advance() => clock.Advance(duration(Runs++));
}
