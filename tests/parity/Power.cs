using System.Globalization;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Suites;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Models.Sources;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Parity;

/// <summary>How often a slowdown of known size is found: runs of an engine beside runs of the same engine that waits.</summary>
internal static class Power
{
    /// <summary>Word by which this program starts its own workers.</summary>
    public const string WorkerWord = "power-worker";

    private static readonly EngineRegistry s_engines = new([WaitingEngine.Registration]);

    /// <summary>Measures pairs.</summary>
    /// <param name="root">The checkout.</param>
    /// <param name="rival">Argument of this program that its workers get as well.</param>
    /// <param name="scratch">Directory for results.</param>
    /// <param name="percent">The slowdown.</param>
    /// <param name="pairs">Pairs.</param>
    /// <param name="runs">Runs a side of each pair.</param>
    /// <param name="wanted">Share of the figures in which it must be found.</param>
    /// <returns>Number of targets missed.</returns>
    public static int Measure(string root, string rival, string scratch, double percent, int pairs, int runs, double wanted)
    {
        string cache = Environment.GetEnvironmentVariable("QUANTBENCH_CACHE") ?? Path.Combine(root, ".cache");
        var environment = new RunnerEnvironment
        {
            Root = root,
            CacheRoot = cache,
            ResultsRoot = scratch,
            Engines = s_engines,
            Worker = new WorkerCommand(Environment.ProcessPath!, [root, rival, WorkerWord]), // a started program has a path
            OpenSource = path => ModelSource.Open(path, Path.Combine(cache, "hashes"), false),
            OpenTokenizer = ModelSource.OpenTokenizer,
            ReadFingerprint = () => FingerprintReader.Read(),
            Clock = TimeProvider.System,
        };
        Suite suite = SuiteLoader.Parse($$"""
            suite: power
            models: [{ id: reference, source: {{Path.Combine(root, "datasets", "reference-model")}} }]
            variants: [gguf:F16, gguf:Q4_K_M, gguf:Q8_0]
            backends: [{{WaitingEngine.EngineName}}/cpu]
            workloads: [latency: { prompt: 128, generate: 32, time_cap: 1, warmup_cap: 0.5 }]
            """, Path.Combine(root, "power.yaml"), root, s_engines.Catalog);
        var runner = new SuiteRunner(environment, new Nobody());
        int figures = 0, found = 0, wrong = 0, disturbed = 0;
        for (int pair = 1; pair <= pairs; pair++)
        {
            var sides = new List<(ComparisonSide A, ComparisonSide B)>();
            for (int run = 0; run < runs; run++) sides.Add((Run(0), Run(percent)));
            RunComparison compared = runs == 1 ? RunComparer.Compare(sides[0].A, sides[0].B) : RunComparer.ComparePaired(sides);
            MetricComparison[] rows = [.. compared.Rows.Where(r => r.Metric.Name is "pp_tps" or "tg_tps")];
            int here = rows.Count(r => r.Verdict == Verdict.Worse);
            (figures, found) = (figures + rows.Length, found + here);
            wrong += rows.Count(r => r.Verdict == Verdict.Better);
            disturbed += rows.Count(r => r.A.IsDisturbed || r.B.IsDisturbed);
            Console.WriteLine($"pair {pair}: {here} of {rows.Length} slower figures found");
            foreach (MetricComparison row in rows.Where(r => r.Verdict != Verdict.Worse))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"  {row.Cell} {row.Metric.Name} {row.Difference:P1} ({row.Interval?.Low:P1} to {row.Interval?.High:P1}): {row.Note}"));
            }

        }

        double share = figures == 0 ? 0 : (double)found / figures;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"VERDICT: {percent} % slower, {runs} runs a side: found in {found} of {figures} figures ({share:P0}, at least {wanted:P0} "
                + $"wanted), {wrong} called faster, {disturbed} without a verdict because they were disturbed"));
        return share >= wanted ? 0 : 1;

        ComparisonSide Run(double slower)
        {
            Environment.SetEnvironmentVariable(WaitingEngine.Variable, slower.ToString(CultureInfo.InvariantCulture));
            RunOutcome outcome = runner.RunAsync(suite, new RunOptions(), CancellationToken.None).GetAwaiter().GetResult();
            if (outcome.Failed > 0) throw new EngineException($"{outcome.Failed} cells failed: {outcome.Folder}");
            return new ComparisonSide(RunFolder.ReadRecord(outcome.Folder));
        }
    }

    /// <summary>The inside of a worker.</summary>
    public static int Work()
    {
        Stream output = WorkerIo.TakeStandardOutput() ?? Console.OpenStandardOutput();
        using Stream input = Console.OpenStandardInput();
        var services = new WorkerServices
        {
            Engines = s_engines,
            Builders = [new HuggingFaceGgufBuilder(), new GgufCopyBuilder()],
            Evaluator = EvaluatorTable.Find,
            ComputeReference = EvaluatorTable.ComputeReference,
            Describe = (variant, path) =>
            {
                ArtifactSize size = ArtifactInspector.Inspect(variant.Format, path);
                return (size.WeightBytes, size.ParameterCount);
            },
            Machine = () => new MachineProbe(TimeProvider.System),
            Clock = TimeProvider.System,
        };
        int code = new WorkerHost(services, Console.Error.WriteLine).Run(input, output, static () => WorkerIo.ExitNow(1));
        output.Flush();
        WorkerIo.ExitNow(code);
        return code;
    }

    private sealed class Nobody : IProgress<RunEvent>
    {
        public void Report(RunEvent value)
        {
            if (value is RunEvent.Warning warning) Console.Error.WriteLine(warning);
        }
    }
}
