using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Matrix;

/// <summary>Lays a run out as variants × backends.</summary>
internal static class MatrixBuilder
{
    private const double MostSpread = 0.5; // half of an interval over the figure

    // Bits per weight stand beside each variant already.
    private static readonly ImmutableArray<MetricDefinition> s_first =
        [.. MetricTable.Headlines.Where(m => m != MetricTable.BitsPerWeight)];

    /// <summary>Metrics that the run measured, the ones people ask for first.</summary>
    public static ImmutableArray<MetricDefinition> Metrics(RunDetail run)
    {
        HashSet<string> there = [.. run.Cells.SelectMany(c => c.Result.Metrics).Select(m => m.Name)];
        return [.. s_first.Concat(MetricTable.All).Distinct().Where(m => there.Contains(m.Name))];
    }

    /// <summary>Number of metrics of <see cref="Metrics"/> that have a place in the switch; the others are in its list.</summary>
    public static int FirstCount(ImmutableArray<MetricDefinition> metrics) => metrics.Count(s_first.Contains);

    /// <summary>The workloads that measure a metric, or, before anything is measured, all of them.</summary>
    public static ImmutableArray<MatrixSlice> Slices(RunDetail run, MetricDefinition metric)
    {
        Cell[] measured = [.. run.Cells.Where(c => c[metric.Name] is not null).Select(c => c.Result.Cell)];
        if (measured.Length == 0) measured = [.. run.Planned, .. run.Cells.Select(c => c.Result.Cell)];
        bool models = measured.Select(c => c.Model).Distinct().Count() > 1;
        // A metric that several workloads measure (rss_peak) is shown as the one built for it measured it.
        return
        [
            .. measured.OrderBy(c => WorkloadTable.Place(metric, c.Workload)).DistinctBy(Key)
                .Select(c => new MatrixSlice(Key(c), models ? $"{c.Model}: {Words.Workload(c)}" : Words.Workload(c))),
        ];
    }

    /// <summary>Builds the matrix.</summary>
    /// <param name="run">The run.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="slice">The workload.</param>
    /// <param name="perColumn">Whether each column has its own scale.</param>
    public static MatrixView Build(RunDetail run, MetricDefinition metric, MatrixSlice slice, bool perColumn)
    {
        Dictionary<CellId, CellView> results = run.Cells.Where(c => Key(c.Result.Cell) == slice.Key).ToDictionary(c => c.Result.Cell.Id);
        Cell[] cells = [
            .. run.Planned.Where(c => Key(c) == slice.Key).Concat(results.Values.Select(r => r.Result.Cell)).DistinctBy(c => c.Id)];
        BackendId[] backends = [
            .. cells.Select(c => c.Backend).Distinct().OrderBy(b => b.Engine, StringComparer.Ordinal)
                .ThenBy(b => b.Device, StringComparer.Ordinal)];
        Variant[] variants = [.. cells.Select(c => c.Variant).Distinct()];
        Dictionary<(Variant, BackendId), Cell> at = cells.ToDictionary(c => (c.Variant, c.Backend));
        string? reference = run.Planned.Concat(run.Cells.Select(c => c.Result.Cell)).Where(c => WorkloadTable.Of(c).NeedsReference)
            .Select(c => c.Settings.Text("reference")).FirstOrDefault(r => r.Length > 0);
        double Value(Cell? cell) => cell is not null && results.TryGetValue(cell.Id, out CellView? view) && view[metric.Name] is { } m
            && HasTone(view.Result, metric, m) ? m.Value : double.NaN;
        var all = new HeatScale(cells.Select(Value), metric.Direction);
        HeatScale[] scales = [
            .. backends.Select(b => perColumn ? new HeatScale(cells.Where(c => c.Backend == b).Select(Value), metric.Direction) : all)];
        (string unit, double divisor) = UnitFor(metric, all.Largest);
        CellId? current = run.Current?.Id;

        MatrixGroup[] groups =
        [
            .. variants.GroupBy(v => ClassOf(run, v)).OrderBy(g => g.Key).Select(g => new MatrixGroup(
                Words.Class(g.Key),
                [.. g.Select(v => (Variant: v, Bits: Bits(run, v))).OrderBy(v => v.Bits ?? v.Variant.Scheme.NominalBits)
                    .ThenBy(v => v.Variant.Id, StringComparer.Ordinal).Select(v => Row(v.Variant, v.Bits))])),
        ];
        MatrixEngine[] engines = [.. backends.GroupBy(b => b.Engine).Select(g => new MatrixEngine(g.Key, [.. g.Select(b => b.Device)]))];
        return new MatrixView(
            metric, unit, slice, [.. engines], [.. groups], all.Count > 1 ? Figure(all.Weakest, divisor) : null,
            all.Count > 1 ? Figure(all.Strongest, divisor) : null, all.IsLog, perColumn,
            Finding(metric, unit, divisor, all, cells, Value));

        MatrixRow Row(Variant variant, double? bits) => new(
            variant, bits is { } b ? Format.Fixed(b, 2) : $"{variant.Scheme.NominalBits}",
            [.. backends.Select((backend, i) => CellOf(variant, backend, scales[i]))]);

        MatrixCell CellOf(Variant variant, BackendId backend, HeatScale scale)
        {
            string name = $"{variant.Id} on {backend}";
            if (!at.TryGetValue((variant, backend), out Cell? cell))
                return new MatrixCell(PlannedCell.KeyOf(variant, backend), MatrixCellKind.Absent, "", 0, $"{name}: not in the suite", false,
                    false);
            bool isReference = variant.Id == reference;
            if (!results.TryGetValue(cell.Id, out CellView? view))
            {
                bool running = cell.Id == current;
                string word = running ? "running" : run.State == RunState.Running ? "waiting" : "not run";
                return new MatrixCell(cell.Id.Value, running ? MatrixCellKind.Running : MatrixCellKind.Waiting, word, 0, $"{name}: {word}",
                    isReference, false);
            }

            CellResult result = view.Result;
            if (result.Status != CellStatus.Ok)
            {
                MatrixCellKind kind = result.Status switch
                {
                    CellStatus.Failed => MatrixCellKind.Failed,
                    CellStatus.Unsupported => MatrixCellKind.Unsupported,
                    _ => MatrixCellKind.Cancelled
                };
                return new MatrixCell(cell.Id.Value, kind, kind == MatrixCellKind.Unsupported ? "" : Words.State(result.Status), 0,
                    $"{name}: {Words.State(result.Status)}, {result.Reason}", isReference, false);
            }

            if (view[metric.Name] is not { } m || double.IsNaN(m.Value))
                return new MatrixCell(cell.Id.Value, MatrixCellKind.Other, "—", 0, $"{name}: this cell doesn't measure {metric.Name}",
                    isReference, false);
            bool capped = (m.Notes ?? []).Concat(result.Notes ?? []).Any(n => n.Contains("cap", StringComparison.Ordinal));
            string text = MarkText.With(divisor == 1 ? Words.Bare(m) : Figure(m.Value, divisor), m.Mark);
            if (m.Caveat is not null) text += m.IsWorseThanChance ? " !" : " ≈0";
            string mark = m.Mark is { } of ? $", {MarkText.Meaning(of)}" : "";
            string full =
                $"{name}: {Format.Value(m)}{(m.Caveat is { } caveat ? $", {caveat}" : "")}, {Words.Basis(m)}{mark}"
                    + $"{(capped ? ", warm-up cap reached" : "")}{(isReference ? ", the reference" : "")}";
            int step = HasTone(result, metric, m) ? scale.Step(m.Value) : MatrixCell.NoTone;
            return new MatrixCell(cell.Id.Value, MatrixCellKind.Value, text, step, full, isReference, capped);
        }
    }

    // A tone says weak or strong: not of a figure that is marked, means nothing, or may be twice or half of what it says.
    private static bool HasTone(CellResult cell, MetricDefinition metric, Measurement figure)
    {
        if (figure.Mark is not null || (metric.Kind == MetricKind.Quality && cell.HasMeaninglessQuality)) return false;
        return figure.Ci95 is not [double low, double high] || figure.Value <= 0 || (high - low) / 2 <= MostSpread * figure.Value;
    }

    /// <summary>Key of a cell's workload: model, workload and settings.</summary>
    public static string Key(Cell cell) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{cell.Model}\n{cell.Workload}\n{cell.Settings}")))[..8];

    /// <summary>Unit for figures of one matrix: bytes take the unit of the largest.</summary>
    internal static (string Unit, double Divisor) UnitFor(MetricDefinition metric, double largest)
    {
        if (metric.Unit != "B") return (Words.Unit(metric), 1);
        return ByteUnits.Of(largest);
    }

    private static string Figure(double value, double divisor) => Format.Number(value / divisor);

    private static PrecisionClass ClassOf(RunDetail run, Variant variant) =>
        CellResult.ClassOf(variant, run.Cells.Select(c => c.Result).Where(r => r.Cell.Variant == variant));

    private static double? Bits(RunDetail run, Variant variant) =>
        run.Cells.Where(c => c.Result.Cell.Variant == variant).Select(c => c[MetricTable.BitsPerWeight.Name]?.Value)
            .FirstOrDefault(v => v is { } x && double.IsFinite(x));

    private static string Finding(MetricDefinition metric, string unit, double divisor, HeatScale scale, Cell[] cells,
        Func<Cell?, double> value)
    {
        if (scale.Count == 0) return $"No cell has {metric.Name} yet.";
        string shown = unit.Length > 0 ? "\u00a0" + unit : "";
        Cell best = cells.First(c => value(c) == scale.Strongest);
        double factor = metric.IsShare ? 100 : 1;
        string Text(double v) => Format.Number(v * factor / divisor);
        if (scale.Count == 1) return $"{best.Variant.Id} on {best.Backend}: {Text(scale.Strongest)}{shown}.";
        Cell worst = cells.First(c => value(c) == scale.Weakest);
        return $"{metric.Title} of {scale.Count} cells, from {Text(scale.Strongest)}{shown} ({best.Variant.Id} on {best.Backend}) to "
            + $"{Text(scale.Weakest)}{shown} ({worst.Variant.Id} on {worst.Backend}).";
    }
}
