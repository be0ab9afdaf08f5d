using System.Collections.Immutable;
using System.Text.Json;
using QuantBench.Analysis.Formatting;
using QuantBench.Cli.Composition;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Suites;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary>
/// Measures a machine against itself: the reference model on the first engine, run after run. How much the runs differ is what a
/// difference of two runs is held against, and so says the smallest one that can be shown here.
/// </summary>
internal static class Calibration
{
    /// <summary>Name of the file in the cache, before the machine's id.</summary>
    public const string FilePrefix = "calibration-";

    private const double Wanted = 0.02;

    private static readonly ImmutableArray<MetricDefinition> s_metrics = [MetricTable.PromptSpeed, MetricTable.GenerationSpeed];

    /// <summary>Calibrates.</summary>
    /// <param name="environment">Where things lie.</param>
    /// <param name="time">How long to measure; a few runs are always made.</param>
    /// <param name="output">For people.</param>
    /// <param name="stop">Stops.</param>
    public static async Task<int> RunAsync(RunnerEnvironment environment, TimeSpan time, TextWriter output, CancellationToken stop)
    {
        string engine = environment.Engines.Registrations[0].Name;
        string model = Path.Combine(environment.DatasetsDirectory, "reference-model");
        string text = $$"""
            suite: calibrate
            models: [{ id: reference, source: {{JsonSerializer.Serialize(model, Json.Line)}} }]
            variants: [gguf:F16]
            backends: [{{engine}}/cpu]
            workloads: [latency: { prompt: 128, generate: 32, time_cap: 1, warmup_cap: 0.5 }]
            """;
        Suite suite = SuiteLoader.Parse(text, Path.Combine(environment.Root, "calibrate.yaml"), environment.Root,
            environment.Engines.Catalog);
        string folder = Path.Combine(environment.CacheRoot, "calibration", $"{environment.Clock.GetUtcNow():yyyyMMdd-HHmmss}");
        RunnerEnvironment apart = environment with { ResultsRoot = folder };
        var cells = new List<CellResult>();
        string machine = "";
        long start = environment.Clock.GetTimestamp();
        try
        {
            while (cells.Count <= RunNoise.FewestDegrees || environment.Clock.GetElapsedTime(start) < time)
            {
                RunOutcome outcome = await new SuiteRunner(apart, new Progress<RunEvent>()).RunAsync(suite, new RunOptions(), stop);
                stop.ThrowIfCancellationRequested();
                machine = outcome.Info.Fingerprint.MachineId;
                CellResult cell = RunFolder.ReadRecord(outcome.Folder).Cells[0];
                if (cell.Status != CellStatus.Ok) throw new EngineException($"{cell.Cell.Title}: {cell.Reason}");
                cells.Add(cell);
                output.WriteLine($"run {cells.Count}: {CellLine(cell)}");
            }
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }

        double minutes = environment.Clock.GetElapsedTime(start).TotalMinutes / cells.Count;
        Floor[] floors = [.. s_metrics.Select(m => FloorOf(m, cells, minutes)).OfType<Floor>()];
        foreach (Floor f in floors)
        {
            output.WriteLine(
                $"{f.Metric}: runs differ by {Format.Number(f.Deviation * 100, 2)} %; one run a side "
                    + $"({Format.Number(2 * minutes, 2)} min) shows "
                    + $"{Format.Number(f.SmallestDifference * 100, 2)} %; 2 % need {f.RunsForTwoPercent} runs a side "
                    + $"({Format.Number(f.MinutesForTwoPercent, 2)} min)");
        }

        int disturbed = cells.Count(c => c.IsDisturbed);
        if (disturbed > 0) output.WriteLine($"{disturbed} of {cells.Count} runs were disturbed by other work and don't count");
        if (floors.Length == 0)
        {
            output.WriteLine("too few runs were undisturbed to say what can be shown here; try again when the machine is quiet");
            return ExitCode.Unavailable;
        }

        string file = Path.Combine(environment.CacheRoot, $"{FilePrefix}{machine}.json");
        await File.WriteAllTextAsync(file,
            JsonSerializer.Serialize(new { Machine = machine, Made = environment.Clock.GetUtcNow(), Floors = floors }, Json.Pretty), stop);
        output.WriteLine($"stored: {file}");
        return ExitCode.Ok;
    }

    private static string CellLine(CellResult cell) =>
        string.Join(", ", s_metrics.Select(m => cell.Metric(m.Name)).OfType<Measurement>().Select(m => $"{m.Name} {Format.Value(m)}"));

    private static Floor? FloorOf(MetricDefinition metric, List<CellResult> cells, double minutes)
    {
        double[] values = [
            .. cells.Select(c => c.Metric(metric.Name)).OfType<Measurement>().Where(m => !m.IsDisturbed).Select(m => m.Value)];
        if (RunNoise.Of(values) is not { } noise) return null;
        int runs = 1;
        while (runs < 1000 && noise.SmallestDifference(runs) > Wanted) runs++;
        return new Floor(metric.Name, noise.Deviation, noise.SmallestDifference(), runs, 2 * runs * minutes);
    }

    private sealed record Floor(string Metric, double Deviation, double SmallestDifference, int RunsForTwoPercent,
        double MinutesForTwoPercent);
}
