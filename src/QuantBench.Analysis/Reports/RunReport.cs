using System.Collections.Immutable;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Reports;

/// <summary>A named fact.</summary>
/// <param name="Name">Name.</param>
/// <param name="Value">Value as printed.</param>
public sealed record ReportFact(string Name, string Value);

/// <summary>A mark that the runner left on a cell or a figure.</summary>
/// <param name="Cell">Title of the cell.</param>
/// <param name="Note">The mark.</param>
public sealed record ReportNote(string Cell, string Note);

/// <summary>What a report says, before it is Markdown or HTML.</summary>
public sealed record RunReport
{
    /// <summary>The run.</summary>
    public required RunRecord Run { get; init; }

    /// <summary>One sentence: what ran where, and how it ended.</summary>
    public required string Lead { get; init; }

    /// <summary>The table.</summary>
    public required RunTable Table { get; init; }

    /// <summary>The figures.</summary>
    public required ImmutableArray<PlotFigure> Figures { get; init; }

    /// <summary>Marks on cells and figures.</summary>
    public required ImmutableArray<ReportNote> Notes { get; init; }

    /// <summary>The machine and software.</summary>
    public required ImmutableArray<ReportFact> Fingerprint { get; init; }

    /// <summary>Settings by workload.</summary>
    public required ImmutableArray<ReportFact> Settings { get; init; }

    /// <summary>Protocol ids of quality figures.</summary>
    public required ImmutableArray<string> Protocols { get; init; }

    /// <summary>Metrics that occur, with their definitions.</summary>
    public required ImmutableArray<MetricDefinition> Metrics { get; init; }

    /// <summary>Provenance of each variant's artifact: title and facts.</summary>
    public required ImmutableArray<(string Title, ImmutableArray<ReportFact> Facts)> Provenance { get; init; }

    /// <summary>The command that measures this again.</summary>
    public required string Reproduce { get; init; }

    /// <summary>Gathers what a run's report says.</summary>
    public static RunReport Of(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        RunTable table = RunTableBuilder.Build(run);
        return new RunReport
        {
            Run = run,
            Lead = LeadOf(run, table),
            Table = table,
            Figures = RunPlots.Draw(table),
            Notes =
            [
                .. run.Cells.SelectMany(c => c.Marks.Select(n => new ReportNote(c.Cell.Title, n))
                    .Concat(c.Metrics.SelectMany(m => (m.Notes ?? []).Select(n => new ReportNote(c.Cell.Title, $"{m.Name}: {n}"))))),
            ],
            Fingerprint = FingerprintOf(run.Info.Fingerprint),
            Settings =
            [
                .. run.Cells.GroupBy(c => c.Cell.Workload).Select(g => new ReportFact(
                    g.Key, string.Join("; ", g.Select(c => SettingsText(c.Cell)).Distinct().Order(StringComparer.Ordinal)))),
            ],
            Protocols = [
                .. run.Cells.SelectMany(c => c.Metrics).Select(m => m.Protocol).OfType<string>().Distinct().Order(StringComparer.Ordinal)],
            Metrics = [.. MetricTable.All.Where(d => run.Cells.Any(c => c.Metric(d.Name) is not null))],
            Provenance =
            [
                .. run.Cells.Where(c => !c.Provenance.IsEmpty).GroupBy(c => (c.Cell.Model, c.Cell.Variant.Id))
                    .Select(g => ($"{g.Key.Model} {g.Key.Id}", (ImmutableArray<ReportFact>)
                        [.. g.SelectMany(c => c.Provenance).Distinct().OrderBy(p => p.Key, StringComparer.Ordinal)
                            .Select(p => new ReportFact(p.Key, p.Value))])),
            ],
            Reproduce = ReproduceOf(run),
        };
    }

    // `kernels run` makes its suite from its options, so no file has it.
    private static string ReproduceOf(RunRecord run)
    {
        if (run.Info.Suite != WorkloadTable.NoModel || run.Cells.IsEmpty
            || run.Cells.Any(c => WorkloadTable.Of(c.Cell) != WorkloadTable.Kernel))
            return $"./run-bench.sh run suites/{run.Info.Suite}.yaml";
        CellSettings settings = run.Cells[0].Cell.Settings;
        string tokens = run.Cells.FirstOrDefault(c => c.Cell.Settings.Has("tokens")) is { } matmat
            ? $" --tokens {matmat.Cell.Settings.Int("tokens")}" : "";
        return $"./run-bench.sh kernels run --type {Words(c => c.Variant.Scheme.Name)} --op {Words(c => c.Settings.Text("op"))} --shape "
            + $"{Words(c => c.Settings.Text("shape"))} "
            + $"--isa {Words(c => c.Backend.ToString())}{tokens} --threads "
            + $"{settings.Int("threads")}{(settings.Text("cache") == "hot" ? " --hot" : "")}"
            + (settings.Int("repetitions") < 10 ? " --short" : "");

        string Words(Func<Cell, string> word) => string.Join(',', run.Cells.Select(c => word(c.Cell)).Distinct());
    }

    private static string LeadOf(RunRecord run, RunTable table)
    {
        RunInfo info = run.Info;
        int variants = run.Cells.Select(c => c.Cell.Variant).Distinct().Count();
        string[] models = [.. run.Cells.Select(c => c.Cell.Model).Distinct()];
        string[] backends = [.. run.Cells.Select(c => c.Cell.Backend.ToString()).Distinct()];
        string what =
            $"Suite {info.Suite} measured {Plural(variants, "variant")} of {string.Join(", ", models)} on {string.Join(", ", backends)} "
                + $"({info.Fingerprint.Cpu})";
        string time = info.Finished is { } end && end > info.Started ? $" in {Format.Duration(end - info.Started)}" : "";
        int absent = Math.Max(0, info.CellCount - run.Cells.Length);
        string counts = string.Join(", ", table.Counts.Where(c => c.Value > 0).Select(c => $"{c.Value} {Word(c.Key)}"));
        string missing = absent > 0 ? $"; {absent} not measured yet" : "";
        string state = info.Status == RunStatus.Completed ? ""
            : info.Status == RunStatus.Interrupted ? " The run was interrupted." : " The run hasn't finished.";
        return $"{what}{time}: of {Plural(info.CellCount, "cell")} {(counts.Length > 0 ? counts : "none has ended")}{missing}.{state}"
            + (table.Disturbed is { } disturbed ? $" {disturbed}." : "");
    }

    internal static string Word(CellStatus status) => status switch
    {
        CellStatus.Ok => "ok",
        CellStatus.Failed => "failed",
        CellStatus.Unsupported => "unsupported",
        _ => "cancelled",
    };

    private static string Plural(int count, string noun) => $"{count} {noun}{(count == 1 ? "" : "s")}";

    private static string SettingsText(Cell cell) =>
        cell.Settings.Count == 0 ? "all at their defaults"
            : string.Join(", ", cell.Settings.Select(s => FormattableString.Invariant($"{s.Key} = {s.Value}")));

    private static string BandwidthText(MemoryBandwidth b)
    {
        string Rate(double value) => Format.Value(value, MetricTable.KernelBandwidth);
        return $"{Rate(b.ReadBytesPerSecond)} reading, {Rate(b.CopyBytesPerSecond)} copying, {Rate(b.TriadBytesPerSecond)} triad; "
            + $"{b.Threads} threads, arrays of {Format.Bytes(b.ArrayBytes)}";
    }

    /// <summary>The facts of a fingerprint, as printed.</summary>
    internal static ImmutableArray<ReportFact> FingerprintOf(Fingerprint f)
    {
        var facts = new List<ReportFact>
        {
            new("Machine id", f.MachineId),
            new("Host", f.Host),
            new("CPU", f.Cpu),
            new("Instruction sets", string.Join(' ', f.CpuFlags)),
            new("Cores", f.PhysicalCores is { } physical ? $"{f.LogicalCores} usable, {physical} physical" : $"{f.LogicalCores} usable"),
            new("Memory", Format.Bytes(f.MemoryBytes)),
            new("Operating system", f.Kernel is null ? f.Os : $"{f.Os}, kernel {f.Kernel}"),
            new("Frequency governor", f.Governor ?? "not readable"),
            new("Virtualization", f.Virtualization ?? "none seen"),
        };
        if (f.MemoryBandwidth is { } bandwidth) facts.Add(new ReportFact("Memory bandwidth", BandwidthText(bandwidth)));
        if (f.MemoryLimitBytes is { } limit) facts.Add(new ReportFact("Memory limit", Format.Bytes(limit)));
        if (f.CpuLimit is { } cpu) facts.Add(new ReportFact("CPU limit", $"{Format.Number(cpu)} cores"));
        facts.Add(new ReportFact("GPUs", f.Gpus.IsDefaultOrEmpty ? "none seen" : string.Join("; ", f.Gpus)));
        facts.Add(new ReportFact("Runtime", f.Runtime));
        facts.Add(new ReportFact("QuantBench", f.GitCommit is null ? f.QuantBench : $"{f.QuantBench}, commit {f.GitCommit}"));
        facts.AddRange(f.Engines.Select(e => new ReportFact($"Engine {e.Key}", e.Value)));
        facts.AddRange(f.Datasets.Select(d => new ReportFact($"Dataset {d.Key}, SHA-256", d.Value)));
        facts.AddRange(f.Models.Select(m => new ReportFact($"Model {m.Key}, SHA-256", m.Value)));
        return [.. facts];
    }
}
