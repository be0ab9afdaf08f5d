using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Cells;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Candidates;

/// <summary>
/// What a run says about each variant on each backend: the ground that Pareto fronts, recommendations, gates and claims stand on. Where a
/// run has a metric at several settings, all candidates are taken at the same ones, and <see cref="Choice"/> says which.
/// </summary>
public sealed class CandidateSet
{
    /// <summary>The setting that names a text.</summary>
    internal const string TextSetting = "dataset";

    private readonly Dictionary<string, CellGroup?> _choices = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Model, BackendId Backend), Candidate?> _references = [];
    private readonly ILookup<(string Model, BackendId Backend), Candidate> _families;
    private readonly bool _severalModels;
    private readonly bool _severalBackends;

    private CandidateSet(RunRecord run, ImmutableArray<Candidate> candidates)
    {
        (Run, All) = (run, candidates);
        _families = candidates.ToLookup(c => (c.Model, c.Backend));
        _severalModels = candidates.Select(c => c.Model).Distinct().Skip(1).Any();
        _severalBackends = candidates.Select(c => c.Backend).Distinct().Skip(1).Any();
    }

    /// <summary>The run.</summary>
    public RunRecord Run { get; }

    /// <summary>Every variant of every model on every backend, in the run's order.</summary>
    public ImmutableArray<Candidate> All { get; }

    /// <summary>Reads a run.</summary>
    /// <param name="run">The run, with or without samples.</param>
    public static CandidateSet Of(RunRecord run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var cells = new Dictionary<(string, Variant, BackendId), ImmutableArray<CellResult>.Builder>();
        foreach (CellResult cell in run.Cells)
        {
            (string, Variant, BackendId) key = (cell.Cell.Model, cell.Cell.Variant, cell.Cell.Backend);
            if (!cells.TryGetValue(key, out ImmutableArray<CellResult>.Builder? list))
                cells[key] = list = ImmutableArray.CreateBuilder<CellResult>(4);
            list.Add(cell);
        }

        return new CandidateSet(run, [.. cells.Select(c => new Candidate(c.Key.Item1, c.Key.Item2, c.Key.Item3, c.Value.ToImmutable()))]);
    }

    /// <summary>How a candidate is named in this run: its variant, with model and backend where there are several.</summary>
    public string Name(Candidate candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        return $"{(_severalModels ? candidate.Model + " " : "")}{candidate.Variant.Id}{(_severalBackends ? $"@{candidate.Backend}" : "")}";
    }

    /// <summary>
    /// What a candidate's quality is held against: the reference that the divergence cells name, else the full-precision variant of most
    /// bits that has a perplexity, else one that has a size; on its own backend, or on another where that has none. Null when there is
    /// none.
    /// </summary>
    public Candidate? Reference(Candidate candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        (string Model, BackendId Backend) key = (candidate.Model, candidate.Backend);
        if (!_references.TryGetValue(key, out Candidate? reference))
        {
            _references[key] = reference =
                ReferenceRule.Find([.. All.Where(c => c.Model == key.Model)], key.Backend, c => c.Backend, c => c.Variant, c => c.Cells);
        }

        return reference;
    }

    /// <summary>Another variant of the same model on the same backend; null when the run doesn't have it.</summary>
    public Candidate? Sibling(Candidate candidate, Variant variant)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        return _families[(candidate.Model, candidate.Backend)].FirstOrDefault(c => c.Variant == variant);
    }

    /// <summary>Whether any candidate has a measured figure of a metric.</summary>
    public bool Has(MetricDefinition metric) => All.Any(c => Figure(c, MetricSelector.Of(metric)).Source is not null);

    /// <summary>A candidate's figure.</summary>
    /// <param name="candidate">One of <see cref="All"/>.</param>
    /// <param name="metric">The metric; where it doesn't name settings, those of <see cref="Choice"/>.</param>
    public CandidateFigure Figure(Candidate candidate, MetricSelector metric)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(metric);
        if (metric.Definition.OfReference is { } own && Reference(candidate) == candidate)
            return new CandidateFigure(Estimate.Exactly(own), "by definition: it is the reference");
        if (metric.Definition == DecisionMetrics.PerplexityRise) return Rise(candidate, metric);
        (string source, string? percentile) = DecisionMetrics.Split(metric.Metric);
        CandidateFigure measured = Measured(candidate, metric, source);
        if (percentile is null || measured.Source is not { } m) return measured;
        double? value = percentile switch { "p90" => m.P90, "p95" => m.P95, _ => m.P99 };
        int needed = percentile switch
        {
            "p90" => Descriptive.P90Observations,
            "p95" => Descriptive.P95Observations,
            _ => Descriptive.P99Observations
        };
        return value is { } v
            ? measured with { Estimate = new Estimate(v, v, v, Certainty.Single) }
            : measured with { Estimate = null, Reason = $"{percentile} needs {Digits(needed)} samples, has {Digits(m.N ?? 0)}" };
    }

    /// <summary>How much a candidate's figure differs from another candidate's of this run, relatively.</summary>
    /// <param name="candidate">The candidate.</param>
    /// <param name="from">What it is held against.</param>
    /// <param name="metric">The metric.</param>
    public CandidateFigure Change(Candidate candidate, Candidate from, MetricSelector metric)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(metric);
        if (candidate == from) return new CandidateFigure(Estimate.Exactly(0), "by definition: it is the base");
        if (metric.Definition == MetricTable.Perplexity && Reference(candidate) == from)
        {
            // The divergence cell scored both on the same tokens: its error is far tighter than the two perplexities' own.
            MetricDefinition paired = MetricTable.PerplexityRatio;
            CandidateFigure ratio = Measured(candidate, metric with { Definition = paired }, paired.Name);
            if (ratio.Source is { Error: { } error } r)
                return new CandidateFigure(Estimate.WithError(r.Value - 1, error), "paired over the tokens of the text", r, ratio.Cell);
        }

        return Change(Figure(candidate, metric), Figure(from, metric), metric, []);
    }

    /// <summary>How much a figure differs from another, relatively, with the interval that their comparison gives.</summary>
    /// <param name="figure">The figure.</param>
    /// <param name="from">What it is held against.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="differing">What keeps timings from being compared.</param>
    /// <param name="noise">How much a timing varies between runs; null when it isn't known or both are of one run.</param>
    internal static CandidateFigure Change(CandidateFigure figure, CandidateFigure from, MetricSelector metric,
        IReadOnlyCollection<string> differing, RunNoise? noise = null)
    {
        if (figure.Source is not { } b)
            return new CandidateFigure(null,
                figure.Estimate is null ? figure.Reason : "it follows from a definition, so there is no change");
        if (from.Source is not { } a) return new CandidateFigure(null, $"the base has no figure: {from.Reason}");
        if (MetricTable.Find(metric.Metric) is not { } definition)
        {
            return figure.Estimate is { } x && from.Estimate is { Value: > 0 } y
                ? new CandidateFigure(
                    new Estimate((x.Value / y.Value) - 1, (x.Value / y.Value) - 1, (x.Value / y.Value) - 1, Certainty.Single),
                    "percentiles: no interval", b, figure.Cell)
                : new CandidateFigure(null, figure.Reason ?? from.Reason ?? "no ratio");
        }

        MetricComparison row =
            FigureComparer.Compare(
                new MetricComparison { Cell = "", Metric = definition, A = a, B = b, Verdict = Verdict.NotComparable, Note = "" },
                differing, noise);
        if (a.Value == 0 && b.Value == 0) return new CandidateFigure(Estimate.Exactly(0), "0 as the base is", b, figure.Cell);
        if (a.Value == 0)
            return new CandidateFigure(null, $"the base is 0: give {metric.Metric} a limit of its own instead of a relative one", b,
                figure.Cell);
        if (row.Absolute)
            return new CandidateFigure(null, $"{metric.Metric} lies around 0: a relative change means nothing", b, figure.Cell);
        if (row.Difference is not { } difference) return new CandidateFigure(null, row.Note, b, figure.Cell);
        Estimate estimate = row.Interval is { } interval ? Estimate.Within(difference, interval)
            : row.Verdict == Verdict.Equal || definition.IsExact ? Estimate.Exactly(difference)
            : new Estimate(difference, difference, difference, Certainty.Single);
        return new CandidateFigure(estimate, row.Note, b, figure.Cell);
    }

    /// <summary>
    /// A metric of quality once per text that it was measured on, each named by its <c>dataset</c>; the metric itself where there is one
    /// text, it names one, or it isn't of quality. A limit on it is one on every text.
    /// </summary>
    /// <param name="metric">The metric.</param>
    public ImmutableArray<MetricSelector> PerText(MetricSelector metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        if (metric.Definition.Kind != MetricKind.Quality || metric.Settings.ContainsKey(TextSetting)) return [metric];
        string source = DecisionMetrics.Split(metric.Metric).Source;
        HashSet<string> workloads = [.. Run.Cells.Where(c => c.Metric(source) is not null).Select(c => c.Cell.Workload)];
        string[] texts =
        [
            .. Run.Cells.Where(c => workloads.Contains(c.Cell.Workload) && WorkloadTable.Of(c.Cell).NeedsText
                && metric.Fits(c.Cell.Workload, c.Cell.Settings)).Select(c => c.Cell.Settings.Shown(TextSetting)).Distinct(),
        ];
        return texts.Length < 2 ? [metric] : [.. texts.Select(t => metric with { Settings = metric.Settings.Add(TextSetting, t) })];
    }

    /// <summary>
    /// At which workload and settings a metric is taken, where the run has it at several; null where there is nothing to choose. The
    /// workload is the first of <see cref="WorkloadTable.Place"/>; then come the settings of most candidates, then the shallowest
    /// depth.
    /// </summary>
    public string? Choice(MetricSelector metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        string source = DecisionMetrics.Split(metric.Metric).Source;
        if (metric.Definition.IsExact) return null; // the same wherever it is counted
        return Group(metric, source) is { Others: > 0 } group
            ? $"{metric.Metric} is taken from {group.Workload} cells "
                + (group.Apart.Length == 0 ? "" : $"at {group.Apart} ")
                + $"({Digits(group.Others + 1)} ways of measuring it are in the run; "
                + $"choose with {metric.Metric}@workload=… or {metric.Metric}@SETTING=…)"
            : null;
    }

    private CandidateFigure Rise(Candidate candidate, MetricSelector metric)
    {
        if (Reference(candidate) is not { } reference)
            return new CandidateFigure(null, "the run has no full-precision variant to hold its perplexity against");
        CandidateFigure change = Change(candidate, reference, metric with { Definition = MetricTable.Perplexity });
        string against = candidate.Backend == reference.Backend ? reference.Variant.Id : $"{reference.Variant.Id}@{reference.Backend}";
        return change.Estimate is null ? change : change with { Reason = $"against {against}; {change.Reason}" };
    }

    private CandidateFigure Measured(Candidate candidate, MetricSelector metric, string source)
    {
        // What is counted is the same wherever it was counted: a size doesn't need the cell that the others have theirs from.
        if (metric.Definition.IsExact && candidate.Cells.FirstOrDefault(c => metric.Fits(c.Cell.Workload, c.Cell.Settings)
            && c.Metric(source) is { } counted && double.IsFinite(counted.Value)) is { } any)
        {
            Measurement exact = any.Metric(source)!; // it was just found
            return new CandidateFigure(Estimate.Of(exact), null, exact, any);
        }

        if (Group(metric, source) is not { } group)
        {
            CellResult? unwell =
                candidate.Cells.FirstOrDefault(c => c.Status != CellStatus.Ok && metric.Fits(c.Cell.Workload, c.Cell.Settings));
            return new CandidateFigure(null,
                $"no cell of the run measured "
                    + $"{source}{(metric.Settings.IsEmpty ? "" : $" at {metric}")}{(unwell is null ? "" : $"; {Unwell(unwell)}")}");
        }

        CellResult? cell =
            candidate.Cells.FirstOrDefault(c => c.Cell.Workload == group.Workload && c.Cell.Settings.ToString() == group.Settings);
        if (cell is null) return new CandidateFigure(null, $"its {group.Workload} cell wasn't run");
        if (cell.Status != CellStatus.Ok) return new CandidateFigure(null, Unwell(cell), null, cell);
        if (cell.Metric(source) is { IsDisturbed: true })
            return new CandidateFigure(null, $"its {group.Workload} cell was disturbed by other work on the machine", null, cell);
        return cell.Metric(source) is { } m && double.IsFinite(m.Value)
            ? new CandidateFigure(Estimate.Of(m), null, m, cell)
            : new CandidateFigure(null, $"its {group.Workload} cell has no {source}", null, cell);
    }

    private CellGroup? Group(MetricSelector metric, string source)
    {
        string key = $"{source}@{metric}";
        if (_choices.TryGetValue(key, out CellGroup? known)) return known;
        var counts = new Dictionary<(string Workload, CellSettings Settings), int>();
        foreach (CellResult cell in Run.Cells)
        {
            if (cell.Status != CellStatus.Ok || !metric.Fits(cell.Cell.Workload, cell.Cell.Settings) || cell.Metric(source) is null)
                continue;
            (string, CellSettings) group = (cell.Cell.Workload, cell.Cell.Settings);
            counts[group] = counts.GetValueOrDefault(group) + 1;
        }

        MetricDefinition measured = MetricTable.Get(source);
        (string Workload, CellSettings Settings)[] ranked =
        [
            .. counts.OrderBy(c => WorkloadTable.Place(measured, c.Key.Workload)).ThenByDescending(c => c.Value)
                .ThenBy(c => c.Key.Settings.Int("depth")).ThenBy(c => c.Key.Settings.ToString(), StringComparer.Ordinal).Select(c => c.Key),
        ];
        CellGroup? chosen = ranked.Length == 0 ? null
            : new CellGroup(ranked[0].Workload, ranked[0].Settings.ToString(), ranked.Length - 1, Apart(ranked));
        return _choices[key] = chosen;
    }

    // The settings that tell the chosen cells from the others of their workload.
    private static string Apart((string Workload, CellSettings Settings)[] ranked)
    {
        CellSettings[] same = [.. ranked.Where(r => r.Workload == ranked[0].Workload).Select(r => r.Settings)];
        IEnumerable<string> keys = same.SelectMany(s => s).Select(s => s.Key).Distinct()
            .Where(k => same.Select(s => s.Shown(k)).Distinct().Count() > 1);
        return string.Join(", ", keys.Order(StringComparer.Ordinal).Select(k => $"{k}={same[0].Shown(k)}"));
    }

    private static string Unwell(CellResult cell) => cell.Status switch
    {
        CellStatus.Unsupported => $"its {cell.Cell.Workload} cell is unsupported: {cell.Reason}",
        CellStatus.Cancelled => $"its {cell.Cell.Workload} cell was cancelled",
        _ => $"its {cell.Cell.Workload} cell failed: {cell.Reason}",
    };

    private static string Digits(long number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed record CellGroup(string Workload, string Settings, int Others, string Apart);
}
