using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Kernels;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tests.Workers;

public sealed class WorkerHostTests
{
    [Fact]
    public void Cell_Fails_WhenItsDeviceHasGoneSinceTheRunAsked()
    {
        (int code, WorkerEvent? last) = Run(Support.No("toy/gpu:0: the driver is gone"));

        Assert.Equal(1, code);
        WorkerEvent.Error error = Assert.IsType<WorkerEvent.Error>(last);
        Assert.Contains("toy/gpu:0: the device was here when the run began", error.Message, StringComparison.Ordinal);
        Assert.Contains("the driver is gone", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void Cell_IsUnsupported_WhenTheDeviceIsHereAndOnlyTheKernelIsNot()
    {
        (int code, WorkerEvent? last) = Run(Support.Yes);

        Assert.Equal(0, code);
        Assert.Equal("toy: no such kernel", Assert.IsType<WorkerEvent.Result>(last).Value.Unsupported);
    }

    private static (int Code, WorkerEvent? Last) Run(Support device)
    {
        var services = new WorkerServices
        {
            Engines = new EngineRegistry([new EngineRegistration("toy", "", _ => new Engine(device), _ => [])]),
            Builders = [],
            Evaluator = _ => null,
            ComputeReference = (_, _, _) => { },
            Describe = (_, _) => (0, 0),
            Machine = () => new Machine(),
            Clock = TimeProvider.System,
        };
        CellSettings settings = CellSettings.Empty.With("op", "matvec").With("shape", "64x128");
        var cell = new Cell("kernels", Variant.Parse("ggml:Q4_0"), new BackendId("toy", "gpu:0"), "kernel", settings);
        var job = new WorkerJob { Kind = WorkerJobKind.Cell, Root = "/", Engine = "toy", Cell = WorkerCell.Of(cell) };
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(job, WorkerJson.Default.WorkerJob) + "\n"));
        using var output = new MemoryStream();
        int code = new WorkerHost(services, static _ => { }).Run(input, output, static () => { });
        string last = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        return (code, WorkerEvent.TryRead(Encoding.UTF8.GetBytes(last)));
    }

    private sealed class Engine(Support device) : IEngine, IKernelEngine
    {
        public string Name => "toy";

        public string Build => "toy 1";

        public ImmutableArray<GgmlType> KernelTypes => [];

        public ImmutableArray<EngineDevice> Devices() => [new("gpu:0", "", device)];

        public Support CanRun(Artifact artifact, string device) => Support.No("kernels only");

        public ILoadedModel Load(Artifact artifact, string device, LoadOptions options, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("kernels only");

        public Support CanRunKernel(KernelSpec kernel, string id) => device.IsSupported ? Support.No("toy: no such kernel") : device;

        public IKernel CreateKernel(KernelSpec kernel, string device, int threads, long coldBytes) =>
            throw new InvalidOperationException("refused");

        public void Dispose()
        {
        }
    }

    private sealed class Machine : IMachineProbe
    {
        public int UsableCores => 1;

        public long? ResidentBytes() => null;

        public long? PeakResidentBytes() => null;

        public ImmutableSortedDictionary<string, double> Conditions() => ImmutableSortedDictionary<string, double>.Empty;
    }
}
