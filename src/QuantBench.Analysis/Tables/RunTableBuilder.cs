using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Tables;

/// <summary>Pivots a run's cells. Columns are those that <see cref="MetricTable"/> gives its metrics.</summary>
public static class RunTableBuilder
{
    /// <summary>Builds the table of a run.</summary>
    public static RunTable Build(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        ImmutableArray<RowCells> groups =
        [
            .. run.Cells.GroupBy(c => (c.Cell.Model, c.Cell.Variant, c.Cell.Backend))
                .Select(g => new RowCells(g.Key.Model, g.Key.Variant, g.Key.Backend, [.. g])),
        ];
        var columns = ImmutableArray.CreateBuilder<RunColumn>();
        Dictionary<RowCells,
            ImmutableDictionary<string, RunFigure>.Builder> figures =
                groups.ToDictionary(g => g, _ => ImmutableDictionary.CreateBuilder<string, RunFigure>());
        foreach (MetricDefinition metric in MetricTable.Columns)
        {
            AddMetric(new Spec(metric, IsTail: false), groups, columns, figures);
            if (metric.Column?.P99 is not null) AddMetric(new Spec(metric, IsTail: true), groups, columns, figures);
            if (metric == MetricTable.ArtifactSize)
                AddDerived(new RunColumn("size_change", "Size vs base", "", "artifact size relative to the reference variant's"),
                    SizeChange, groups, columns, figures);
            if (metric == MetricTable.Perplexity) AddPerplexityChanges(groups, columns, figures);
        }

        RunRow[] rows =
        [
            .. groups.Select(g => new RunRow(g.Model, g.Variant, g.Backend, Reference(groups, g) == g, figures[g].ToImmutable(), g.Cells)),
        ];
        return new RunTable(
            columns.ToImmutable(),
            [
                .. rows.OrderBy(r => r.Model, StringComparer.Ordinal).ThenBy(r => r.Backend.ToString(), StringComparer.Ordinal)
                    .ThenByDescending(r => r[MetricTable.BitsPerWeight.Name] ?? r.Variant.Scheme.NominalBits),
            ],
            Problems(run),
            Enum.GetValues<CellStatus>().ToImmutableSortedDictionary(s => s, s => run.Cells.Count(c => c.Status == s)))
        {
            Legend = MarkText.Legend(run.Cells.SelectMany(c => c.Metrics)),
            Disturbed = MarkText.Share(run.Cells),
        };
    }

    // What the variants of a model and backend are compared with.
    private static RowCells? Reference(ImmutableArray<RowCells> groups, RowCells of) =>
        ReferenceRule.Find([.. groups.Where(g => g.Model == of.Model)], of.Backend, g => g.Backend, g => g.Variant, g => g.Cells);

    private static void AddMetric(
        Spec spec, ImmutableArray<RowCells> groups, ImmutableArray<RunColumn>.Builder columns,
        Dictionary<RowCells, ImmutableDictionary<string, RunFigure>.Builder> figures)
    {
        // The first workload of the list that measured the metric anywhere gives the whole column, so that its rows are alike.
        string? workload =
            spec.Metric.From.FirstOrDefault(w => groups.Any(g => g.Cells.Any(c => c.Cell.Workload == w && Of(spec, c) is not null)));
        if (workload is null) return;
        CellResult[] cells = [.. groups.SelectMany(g => g.Cells).Where(c => c.Cell.Workload == workload)];
        CellResult[] measured = [.. cells.Where(c => Of(spec, c) is not null)];
        string[] varying = Varying(measured);
        foreach (string label in measured.Select(c => Label(spec, c.Cell.Settings, varying)).Distinct())
        {
            string id = label.Length == 0 ? spec.Id : $"{spec.Id}/{label}";
            string title = label.Replace(CandidateSet.TextSetting + "=", "", StringComparison.Ordinal); // a text is known by its name
            columns.Add(new RunColumn(id, label.Length == 0 ? spec.Title : $"{spec.Title} {title}", spec.Column.Unit, Sentence(spec)));
            foreach (RowCells group in groups)
            {
                CellResult? cell =
                    group.Cells.FirstOrDefault(c => c.Cell.Workload == workload && Label(spec, c.Cell.Settings, varying) == label)
                    // What is counted is the same wherever it was counted.
                    ?? (spec.Metric.IsExact ? group.Cells.FirstOrDefault(c => Of(spec, c) is not null) : null);
                figures[group][id] = cell is null
                    ? new RunFigure(Format.Missing, "not measured in this run")
                    : Of(spec, cell) is { } m
                        ? IsMeaningless(cell, spec.Metric) ? new RunFigure($"{spec.Text(m)} (meaningless)", CellResult.MeaninglessQuality)
                            : m.Mark is { } mark ? new RunFigure(MarkText.With(spec.Text(m), mark), MarkText.Meaning(mark),
                                m.IsDisturbed ? null : spec.Number(m), m.Error, m)
                            : new RunFigure(m.Caveat is { } caveat ? $"{spec.Text(m)} ({caveat})" : spec.Text(m), null,
                                spec.Number(m), m.Error, m)
                            { Ends = spec.Ends(m) }
                        : new RunFigure(cell.Status == CellStatus.Failed ? "failed" : Format.Missing, WhyMissing(spec, cell));
            }
        }
    }

    // One column per text.
    private static void AddPerplexityChanges(ImmutableArray<RowCells> groups, ImmutableArray<RunColumn>.Builder columns,
        Dictionary<RowCells, ImmutableDictionary<string, RunFigure>.Builder> figures)
    {
        string[] texts =
        [
            .. groups.SelectMany(g => g.Cells).Where(c => c.Metric(MetricTable.Perplexity.Name) is not null)
                .Select(c => c.Cell.Settings.Shown(CandidateSet.TextSetting)).Distinct(),
        ];
        foreach (string text in texts)
        {
            bool many = texts.Length > 1;
            AddDerived(
                new RunColumn(many ? $"ppl_change/{CandidateSet.TextSetting}={text}" : "ppl_change", many ? $"ΔPPL {text}" : "ΔPPL", "± SE",
                    "perplexity relative to the reference variant's on the same text; the error is the paired one where "
                    + "the tokens were paired"),
                (all, group) => PerplexityChange(all, group, text), groups, columns, figures);
        }
    }

    private static void AddDerived(RunColumn column,
        Func<ImmutableArray<RowCells>, RowCells, RunFigure> derive, ImmutableArray<RowCells> groups,
        ImmutableArray<RunColumn>.Builder columns,
        Dictionary<RowCells, ImmutableDictionary<string, RunFigure>.Builder> figures)
    {
        RunFigure[] all = [.. groups.Select(g => derive(groups, g))];
        if (all.All(f => f.Value is null or 0)) return;
        columns.Add(column);
        for (int i = 0; i < groups.Length; i++) figures[groups[i]][column.Id] = all[i];
    }

    private static RunFigure SizeChange(ImmutableArray<RowCells> groups, RowCells group)
    {
        RowCells? reference = Reference(groups, group);
        if (reference == group) return new RunFigure(RunTable.ReferenceText, null, 0);
        if (Find(reference, MetricTable.ArtifactSize) is not { Value: > 0 } b)
            return new RunFigure(Format.Missing, "no reference variant of known size in this run");
        if (Find(group, MetricTable.ArtifactSize) is not { } a) return new RunFigure(Format.Missing, "its size wasn't measured");
        double change = (a.Value / b.Value) - 1;
        return new RunFigure(Format.Change(change), null, change);
    }

    private static RunFigure PerplexityChange(ImmutableArray<RowCells> groups, RowCells group, string text)
    {
        RowCells? reference = Reference(groups, group);
        if (reference == group) return new RunFigure(RunTable.ReferenceText, null, 0);

        // The divergence cell scored both variants on the same tokens: its error is far tighter than the two perplexities' own.
        if (Find(group, MetricTable.PerplexityRatio, text) is { } ratio) return Change(ratio.Value - 1, ratio.Error, ratio);
        if (Find(group, MetricTable.Perplexity, text) is not { } a) return new RunFigure(Format.Missing, "its perplexity wasn't measured");
        if (Find(reference, MetricTable.Perplexity, text) is not { } b)
            return new RunFigure(Format.Missing, "the reference variant's perplexity wasn't measured");
        if (a.Protocol != b.Protocol) return new RunFigure(Format.Missing, "measured under another protocol than the reference");
        return Change((a.Value / b.Value) - 1, null, null);

        static RunFigure Change(double change, double? error, Measurement? source) =>
            new(Format.Change(change, error), null, change, error, source);
    }

    // No number, only its text: nothing may be derived from it, ranked or drawn by it.
    private static bool IsMeaningless(CellResult cell, MetricDefinition metric) =>
        metric.Kind == MetricKind.Quality && cell.HasMeaninglessQuality;

    private static Measurement? Find(RowCells? group, MetricDefinition metric, string? text = null) =>
        group?.Cells.Where(c => !IsMeaningless(c, metric) && (text is null || c.Cell.Settings.Shown(CandidateSet.TextSetting) == text))
            .Select(c => c.Metric(metric.Name))
            .FirstOrDefault(m => m is not null && double.IsFinite(m.Value));

    private static Measurement? Of(Spec spec, CellResult cell) =>
        cell.Metric(spec.Metric.Name) is { } m && spec.Number(m) is not null ? m : null;

    private static string WhyMissing(Spec spec, CellResult cell) => cell.Status switch
    {
        CellStatus.Ok when spec.IsTail && cell.Metric(spec.Metric.Name) is { } m =>
            $"p99 needs {Descriptive.P99Observations} samples, has {(m.N ?? 0).ToString(CultureInfo.InvariantCulture)}",
        CellStatus.Ok => "this cell doesn't measure it",
        CellStatus.Unsupported => $"unsupported: {cell.Reason}",
        CellStatus.Cancelled => "cancelled before it finished",
        _ => $"failed: {cell.Reason}",
    };

    private static string Sentence(Spec spec) =>
        spec.IsTail ? $"99th percentile: {spec.Metric.Description}"
            : spec.Column.P99 is not null ? $"median: {spec.Metric.Description}" : spec.Metric.Description;

    // Setting keys that tell cells of one row apart.
    private static string[] Varying(CellResult[] cells) =>
    [
        .. cells.GroupBy(c => (c.Cell.Model, c.Cell.Variant, c.Cell.Backend))
            .SelectMany(g => g.SelectMany(c => c.Cell.Settings).Select(s => s.Key).Distinct()
                .Where(key => g.Select(c => c.Cell.Settings.Shown(key)).Distinct().Count() > 1))
            .Distinct().Order(StringComparer.Ordinal),
    ];

    private static string Label(Spec spec, CellSettings settings, string[] varying)
    {
        ImmutableArray<string> shown = spec.IsTail ? [] : spec.Column.Settings;
        var parts = new List<string>();
        if (shown.Length > 0) parts.Add(settings.Shown(shown[0]));
        if (shown.Contains("depth") && settings.Int("depth") > 0)
            parts.Add($"@ d{settings.Int("depth").ToString(CultureInfo.InvariantCulture)}");
        if (shown.Contains("parallel") && settings.Int("parallel") > 1)
            parts.Add($"x {settings.Int("parallel").ToString(CultureInfo.InvariantCulture)}");
        parts.AddRange(varying.Where(key => !shown.Contains(key) && KvTypes.IsSaid(settings, key))
            .Select(key => $"{key}={settings.Shown(key)}"));
        return string.Join(' ', parts);
    }

    private static ImmutableArray<CellProblem> Problems(RunRecord run) =>
    [
        .. run.Cells.Where(c => c.Status != CellStatus.Ok)
            .GroupBy(c => (c.Status, Reason: c.Reason ?? "no reason recorded"))
            .OrderBy(g => g.Key.Status).ThenByDescending(g => g.Count())
            .Select(g => new CellProblem(g.Key.Status, g.Key.Reason, [.. g.Select(c => c.Cell.Title)])),
    ];

    private sealed record RowCells(string Model, Variant Variant, BackendId Backend, ImmutableArray<CellResult> Cells)
    {
        // One group per key: identity, not content, is what a dictionary of them needs.
        public bool Equals(RowCells? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }

    // A column: a metric's own, or that of its 99th percentile.
    private sealed record Spec(MetricDefinition Metric, bool IsTail)
    {
        public MetricColumn Column { get; } = Metric.Column!; // made of metrics that have one

        public string Id => IsTail ? Metric.Name + "_p99" : Metric.Name;

        public string Title => IsTail ? Column.P99! : Column.Title; // a tail has a title

        public double? Number(Measurement m) => IsTail ? m.P99 : m.Value;

        public string Ends(Measurement m) =>
            IsTail || Metric.Kind != MetricKind.Timing || m.Ci95 is not [double low, double high] || Metric.Unit is "B/s" or "FLOP/s" ? ""
                : Format.Interval(low, high);

        public string Text(Measurement m) => Metric switch
        {
            { IsShare: true } => Format.Share(m.Value, m.Error),
            { Unit: "B" } => Format.Bytes(m.Value),
            { Unit: "B/s" or "FLOP/s" } => Format.Billions(m.Value, m.Ci95),
            _ when Column.IsRounded => Format.Number(Number(m) ?? double.NaN),
            { IsExact: true } => Format.Fixed(m.Value, Column.LeastDecimals),
            { Kind: MetricKind.Timing } => Format.WithinInterval(m.Value, m.Ci95),
            _ => m.Value == 0 ? "0" : Format.WithError(m.Value, m.Error, m.Value < 1000 ? Column.LeastDecimals : 0),
        };
    }
}
