using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Models.Sources;
using QuantBench.Runner.Workers;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Workers;

public sealed class CellRunnerTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"unsupported":"too large"}""", CellStatus.Unsupported, CellStatus.Unsupported)]
    [InlineData("""{"others":[{}]}""", CellStatus.Ok, CellStatus.Ok)]
    [InlineData("""{"unsupported":"its own","others":[{}]}""", CellStatus.Unsupported, CellStatus.Ok)]
    [InlineData("""{"others":[{"failed":"its reference"}]}""", CellStatus.Ok, CellStatus.Failed)]
    [InlineData("{}", CellStatus.Ok, CellStatus.Failed)] // a worker that says nothing of the other
    public async Task Run_GivesEachCellOfAPassItsOwnEnd(string result, CellStatus first, CellStatus second)
    {
        var runner = new CellRunner(Environment($$"""echo '{"event":"result","result":{{result}}}'"""));
        var job = new CellJob(Cell("perplexity"), null, null, null, ImmutableSortedDictionary<string, string>.Empty)
        {
            Others = [new CellPart(Cell("divergence"), null, ImmutableSortedDictionary<string, string>.Empty)],
        };

        ImmutableArray<CellResult> results = await runner.RunAsync(job, new WorkerLimits(TimeSpan.FromSeconds(60)), null,
            new Progress<EvaluationProgress>(), CancellationToken.None);

        Assert.Equal([first, second], results.Select(r => r.Status));
        if (second == CellStatus.Unsupported) Assert.Equal(results[0].Reason, results[1].Reason);
    }

    private static Cell Cell(string workload) =>
        new("m", Variant.Parse("gguf:F16"), new BackendId("fake", "cpu"), workload, CellSettings.Empty);

    private RunnerEnvironment Environment(string script) => new()
    {
        Root = _folder.Path,
        CacheRoot = _folder.Combine("cache"),
        ResultsRoot = _folder.Combine("results"),
        Engines = new EngineRegistry([
            new EngineRegistration(
                new EngineFacts("fake", "a script", "cpu"), _ => throw new InvalidOperationException("made in workers only"), _ => [])]),
        Worker = ScriptWorker.Command(_folder, script, "worker"),
        OpenSource = path => new ModelSource(SourceKind.Gguf, path, [path], new string('0', 64)),
        OpenTokenizer = _ => throw new InvalidOperationException("nothing is tokenized"),
        ReadFingerprint = () => throw new InvalidOperationException("nobody asks"),
        Clock = TimeProvider.System,
    };
}
