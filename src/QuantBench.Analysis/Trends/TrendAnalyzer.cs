using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Results.Store;

namespace QuantBench.Analysis.Trends;

/// <summary>
/// Looks for changes of level in series over runs. The noise is what the runs of a series themselves show, never less than their own
/// intervals say; with m series, each must pass 0.05 ÷ m (at most 0.01), so that a steady lab sees a false alarm in one report of twenty at
/// most.
/// </summary>
public static class TrendAnalyzer
{
    /// <summary>Latest runs within which a change counts as recent unless told otherwise.</summary>
    public const int DefaultRecent = 5;

    // A step below this means nothing even where runs agree to the last digit: the noise is never taken to be less.
    private const double LeastDifference = 0.001;

    /// <summary>Reads and analyses a metric's series from the store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="query">Which series.</param>
    /// <param name="recent">Latest runs within which a change counts as recent.</param>
    /// <exception cref="RequestException">There is no such metric.</exception>
    public static TrendReport Analyze(AggregateReader store, SeriesQuery query, int recent = DefaultRecent)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(query);
        MetricDefinition metric = MetricTable.Find(query.Metric)
            ?? throw new RequestException($"there is no metric '{query.Metric}'.",
                DidYouMean.Hint(query.Metric, MetricTable.All.Select(m => m.Name), "metrics"));
        var known = new Dictionary<string, Fingerprint?>(StringComparer.Ordinal);
        TrendReport report = Analyze(metric, store.Series(query),
            id => known.TryGetValue(id, out Fingerprint? f) ? f : known[id] = store.Run(id)?.Fingerprint, recent);

        // A file's layers may hold more bits than its variant's name says.
        Dictionary<string, Dictionary<string, PrecisionClass>> classes = report.Series.Select(s => s.Points[^1].RunId).Distinct()
            .ToDictionary(id => id, id => store.Classes(id), StringComparer.Ordinal);
        return report with
        {
            Series = [.. report.Series.Select(s =>
                classes[s.Points[^1].RunId].TryGetValue(s.CellId, out PrecisionClass measured) ? s with { Class = measured } : s)],
        };
    }

    /// <summary>Analyses rows.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="rows">Its figures by machine and cell, oldest first, as <see cref="AggregateReader.Series"/> gives them.</param>
    /// <param name="fingerprint">Fingerprint of a run; asked only for runs at a change.</param>
    /// <param name="recent">Latest runs within which a change counts as recent.</param>
    /// <returns>Series whose class is the variants' own.</returns>
    public static TrendReport Analyze(MetricDefinition metric, ImmutableArray<SeriesRow> rows, Func<string, Fingerprint?> fingerprint,
        int recent = DefaultRecent)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(fingerprint);
        List<(int Start, int End)> spans = [];
        for (int start = 0; start < rows.Length;)
        {
            int end = start + 1;
            // Quality under another protocol is another series: its level may differ for no other reason.
            while (end < rows.Length && rows[end].MachineId == rows[start].MachineId && rows[end].CellId == rows[start].CellId
                && rows[end].Protocol == rows[start].Protocol) end++;
            spans.Add((start, end));
            start = end;
        }

        double alpha =
            Math.Min(ChangePoints.DefaultAlpha, 0.05 / Math.Max(1, spans.Count(s => s.End - s.Start >= ChangePoints.FewestValues)));
        IEnumerable<TrendSeries> series =
            Named([.. spans.Select(s => Series(metric, rows.AsSpan()[s.Start..s.End].ToArray(), fingerprint, alpha))]);
        return new TrendReport(
            metric,
            [
                .. series.OrderByDescending(s => s.Changes.Any(c => c.Worse == true && c.Index >= s.Points.Length - recent))
                    .ThenByDescending(s =>
                        s.Changes.Select(c => c.Absolute ? 0 : Math.Abs(Math.Log(1 + c.Difference))).DefaultIfEmpty().Max()),
            ],
            alpha, recent);
    }

    // Cells that differ by settings alone need them in their names.
    private static IEnumerable<TrendSeries> Named(TrendSeries[] all)
    {
        ILookup<(string, string, string, string), TrendSeries> alike = all.ToLookup(s => (s.Model, s.Variant, s.Backend, s.Workload));
        return all.Select(s =>
        {
            string[] others = [.. alike[(s.Model, s.Variant, s.Backend, s.Workload)].Select(o => o.Settings).Distinct()];
            return others.Length < 2 ? s : s with { Apart = Apart(s.Settings, others) };
        });
    }

    private static string Apart(string settings, string[] all)
    {
        try
        {
            JsonObject[] known = [.. all.Select(t => JsonNode.Parse(t)).OfType<JsonObject>()];
            IEnumerable<string> keys = known.SelectMany(k => k).Select(k => k.Key).Distinct()
                .Where(k => known.Select(o => o[k]?.ToJsonString() ?? "").Distinct().Skip(1).Any());
            JsonObject? own = JsonNode.Parse(settings) as JsonObject;
            return string.Join(", ", keys.Order(StringComparer.Ordinal).Select(k => $"{k} {own?[k]?.ToString() ?? "default"}"));
        }
        catch (JsonException)
        {
            return settings; // as recorded: names must differ
        }
    }

    private static TrendSeries Series(MetricDefinition metric, SeriesRow[] all, Func<string, Fingerprint?> fingerprint, double alpha)
    {
        // What other work on the machine did isn't a level.
        SeriesRow[] clean = [.. all.Where(r => !r.IsDisturbed)];
        SeriesRow[] rows = clean.Length > 0 ? clean : all;
        SeriesRow first = all[0];
        // Levels differ by ratios where no figure is 0 or below, else by plain differences in the metric's unit.
        bool logs = rows.All(r => r.Value > 0);
        double[] values = [.. rows.Select(r => logs ? Math.Log(r.Value) : r.Value)];
        double least = LeastDifference * (logs ? 1 : rows.Max(r => Math.Abs(r.Value)));
        double[] errors = [.. rows.Select(r => Math.Max(Error(metric, r) / (logs ? r.Value : 1), least))];
        ImmutableArray<ChangePoint> changes = clean.Length > 0 ? ChangePoints.Find(values, alpha, errors) : [];
        return new TrendSeries
        {
            Metric = metric,
            MachineId = first.MachineId,
            Host = first.Host,
            CellId = first.CellId,
            Model = first.Model,
            Variant = first.Variant,
            Backend = first.Backend,
            Workload = first.Workload,
            Settings = first.Settings,
            Class = Variant.TryParse(first.Variant, out Variant? variant) ? variant?.Scheme.PrecisionClass : null,
            Points = [
                .. rows.Select(r =>
                    new TrendPoint(r.RunId, DateTimeOffset.FromUnixTimeMilliseconds(r.StartedMs), r.Value, Own(metric, r)))],
            Changes = [
                .. changes.Select((c, i) =>
                    Change(metric, rows, c, i + 1 < changes.Length ? changes[i + 1].Index : rows.Length, logs, fingerprint))],
            Noise = Noise(values, changes, logs),
            Disturbed = all.Length - clean.Length,
            TooShort = clean.Length == 0 ? "disturbed by other work on the machine in every run"
                : rows.Length < ChangePoints.FewestValues
                ? $"{rows.Length.ToString(CultureInfo.InvariantCulture)} of the "
                    + $"{ChangePoints.FewestValues.ToString(CultureInfo.InvariantCulture)} runs that a change can be looked for in"
                : null,
        };
    }

    private static double Error(MetricDefinition metric, SeriesRow row) =>
        Own(metric, row) is not { } interval ? 0
            : interval.HalfWidth / (row.Launches > 1 ? SpecialFunctions.StudentQuantile(0.95, row.Launches - 1) : Estimate.Normal975);

    // The error of a quality figure is that of sampling text, and every run of a cell has the same text: between runs it doesn't vary by
    // it.
    private static Interval? Own(MetricDefinition metric, SeriesRow row) =>
        metric.Kind != MetricKind.Quality && row is { CiLow: { } low, CiHigh: { } high, N: > 1 } && high >= low ? new Interval(low, high)
            : null;

    private static TrendChange Change(MetricDefinition metric, SeriesRow[] rows, ChangePoint change, int end, bool logs,
        Func<string, Fingerprint?> fingerprint)
    {
        double Relative(double gap) => logs ? Math.Exp(gap) - 1 : gap;
        string run = rows[change.Index].RunId;
        string previous = rows[change.Index - 1].RunId;
        Fingerprint? after = fingerprint(run);
        Fingerprint? before = fingerprint(previous);
        double difference = Relative(change.After - change.Before);
        return new TrendChange
        {
            Index = change.Index,
            RunId = run,
            PreviousRunId = previous,
            Commit = after?.GitCommit,
            PreviousCommit = before?.GitCommit,
            Difference = difference,
            Absolute = !logs,
            Interval = new Interval(Relative(change.Interval.Low), Relative(change.Interval.High)),
            PValue = change.PValue,
            Worse = metric.Direction switch { Direction.Higher => difference < 0, Direction.Lower => difference > 0, _ => null },
            State = end - change.Index > 1 ? ChangeState.Confirmed : ChangeState.Unconfirmed,
            AlsoChanged = after is null || before is null ? [] : [.. Comparability.Check(before, after).Select(d => d.ToString())],
        };
    }

    private static double? Noise(double[] values, ImmutableArray<ChangePoint> changes, bool logs)
    {
        int start = changes.IsEmpty ? 0 : changes[^1].Index;
        if (values.Length - start < 2) return null;
        double[] level = values[start..];
        double deviation = Descriptive.StandardDeviation(level);
        double mean = Descriptive.Mean(level);
        return logs ? deviation : mean == 0 ? null : deviation / Math.Abs(mean);
    }
}
