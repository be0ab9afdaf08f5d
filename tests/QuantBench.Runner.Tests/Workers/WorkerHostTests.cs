using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Kernels;
using QuantBench.Models.Sources;
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

    [Theory]
    [InlineData("load", "toy: it gives no logits of an artifact, which load needs")]
    [InlineData("onnx-latency", "toy: it runs language models only; onnx-latency needs an engine for any ONNX model")]
    [InlineData("telepathy", "this version of QuantBench can't measure 'telepathy'")]
    public void Cell_IsUnsupported_WhenTheEngineLacksTheAbility(string workload, string reason)
    {
        var cell = new Cell("m", Variant.Parse("gguf:F16"), new BackendId("toy", "gpu:0"), workload, CellSettings.Empty);
        var job = new WorkerJob
        {
            Kind = WorkerJobKind.Cell,
            Root = "/",
            Engine = "toy",
            Cell = WorkerCell.Of(cell),
            Artifact = new WorkerArtifact("/m.gguf", "gguf:F16", new string('a', 64), 10, 10, 1),
        };

        Assert.Equal(reason, Assert.IsType<WorkerEvent.Result>(Run(job, Support.Yes).Last).Value.Unsupported);
    }

    [Theory]
    [InlineData("no", "no", "no one; no two", null)]
    [InlineData("no", "unsupported", "no one; m.gguf: not read. Use another", null)]
    [InlineData("unsupported", "yes", null, null)]
    [InlineData("broken", "yes", null, null)] // another one reads it all the same
    [InlineData("broken", "no", null, "m.gguf: cut. Fetch it again")]
    [InlineData("unsupported", "broken", null, "m.gguf: cut. Fetch it again")]
    [InlineData("away", "no", "toy: its library is missing. Set it up; no two", null)]
    public void Plan_TellsAMissingAbilityFromAFault(string one, string two, string? unsupported, string? fault)
    {
        var job = new WorkerJob { Kind = WorkerJobKind.Plan, Root = "/", Build = Build("gguf:F16") };

        (int code, WorkerEvent? last) = Run(job, Support.Yes, new Builder("one", one), new Builder("two", two));

        Assert.Equal(0, code);
        PlannedArtifact plan = Assert.IsType<WorkerEvent.Result>(last).Value.Plans["gguf:F16"];
        Assert.Equal((unsupported, fault), (plan.Unsupported, plan.Fault));
        Assert.Equal(unsupported is null && fault is null, plan.Recipe is not null);
    }

    [Fact]
    public void Prepare_IsUnsupported_WhenTheBuilderFindsOutLate()
    {
        var job = new WorkerJob { Kind = WorkerJobKind.Prepare, Root = "/", Build = Build("gguf:F16") with { Builder = "late" } };

        (int code, WorkerEvent? last) = Run(job, Support.Yes, new Builder("late", "unsupported"));

        Assert.Equal(0, code);
        Assert.Equal("m.gguf: not read. Use another", Assert.IsType<WorkerEvent.Result>(last).Value.Unsupported);
    }

    private static WorkerBuild Build(string name) => new()
    {
        ArtifactNames = [name],
        SourceKind = SourceKind.Gguf,
        SourcePath = "m.gguf",
        SourceFiles = [],
        SourceSha256 = "",
    };

    private static (int Code, WorkerEvent? Last) Run(Support device)
    {
        CellSettings settings = CellSettings.Empty.With("op", "matvec").With("shape", "64x128");
        var cell = new Cell("kernels", Variant.Parse("ggml:Q4_0"), new BackendId("toy", "gpu:0"), "kernel", settings);
        return Run(new WorkerJob { Kind = WorkerJobKind.Cell, Root = "/", Engine = "toy", Cell = WorkerCell.Of(cell) }, device);
    }

    private static (int Code, WorkerEvent? Last) Run(WorkerJob job, Support device, params ImmutableArray<IArtifactBuilder> builders) =>
        Run(job, new EngineRegistry([new EngineRegistration(new EngineFacts("toy", "", "gpu:0"), _ => new Engine(device), _ => [])]),
            builders);

    /// <summary>Does a job with some engines and builders.</summary>
    internal static (int Code, WorkerEvent? Last) Run(
        WorkerJob job, EngineRegistry engines, params ImmutableArray<IArtifactBuilder> builders)
    {
        var services = new WorkerServices
        {
            Engines = engines,
            Builders = builders,
            Evaluator = EvaluatorTable.Find,
            ComputeReference = (_, _, _) => { },
            Describe = (_, _) => (0, 0),
            Machine = () => new Machine(),
            Clock = TimeProvider.System,
        };
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(job, WorkerJson.Default.WorkerJob) + "\n"));
        using var output = new MemoryStream();
        int code = new WorkerHost(services, static _ => { }).Run(input, output, static () => { });
        string last = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        return (code, WorkerEvent.TryRead(Encoding.UTF8.GetBytes(last)));
    }

    private sealed class Builder(string name, string answer) : IArtifactBuilder
    {
        public string Name => name;

        public Support CanBuild(ModelSource source, string artifactName) => answer switch
        {
            "yes" or "away" => Support.Yes,
            "no" => Support.No($"no {name}"),
            "broken" => throw new ModelFormatException("m.gguf", null, "cut.", "Fetch it again"),
            _ => throw new UnsupportedException("m.gguf", "not read.", "Use another"),
        };

        public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) => answer == "away"
            ? throw new EngineException("toy: its library is missing.", "Set it up")
            : new ArtifactRecipe(name, "1", [], ImmutableSortedDictionary<string, string>.Empty);

        public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken) =>
            CanBuild(request.Source, request.ArtifactName);
    }

    private sealed class Engine(Support device) : IEngine, IKernelEngine
    {
        public string Name => "toy";

        public string Build => "toy 1";

        public ImmutableArray<GgmlType> KernelTypes => [];

        public ImmutableArray<EngineDevice> Devices() => [new("gpu:0", "", device)];

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
