using System.Collections.Immutable;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Estimates;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;
using QuantBench.Core.Metrics;

namespace QuantBench.Analysis.Decide;

/// <summary>
/// Finds which candidates no other beats. By estimates first; a beaten candidate is called beaten only if some other is shown to be at
/// least as good on every axis, within the intervals, and shown better on one. Models are never mixed.
/// </summary>
public static class ParetoAnalyzer
{
    private const double SingleSize = 0.05; // so that two differ when they are more than about a tenth apart
    private const double OneSided95 = 1.6448536269514722; // 95 % quantile of the standard normal

    /// <summary>Axes to take when none are asked for: memory, quality loss and speed, by what the run has.</summary>
    public static ImmutableArray<MetricSelector> DefaultAxes(CandidateSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return
        [
            MetricSelector.Of(set.Has(MetricTable.BitsPerWeight) ? MetricTable.BitsPerWeight : MetricTable.PeakMemory),
            MetricSelector.Of(set.Has(MetricTable.MeanDivergence) ? MetricTable.MeanDivergence : DecisionMetrics.PerplexityRise),
            MetricSelector.Of(MetricTable.GenerationSpeed),
        ];
    }

    /// <summary>The measurements that a front over some axes needs of a run, so that nothing else has to be read.</summary>
    /// <param name="axes">The axes; empty for <see cref="DefaultAxes"/>.</param>
    public static ImmutableArray<string> Sources(IReadOnlyCollection<MetricSelector> axes)
    {
        ArgumentNullException.ThrowIfNull(axes);
        IEnumerable<string> named = axes.Count > 0 ? axes.Select(a => DecisionMetrics.Split(a.Metric).Source)
            : Names(MetricTable.BitsPerWeight, MetricTable.PeakMemory, MetricTable.MeanDivergence, MetricTable.GenerationSpeed);
        // The last three say which variant is the reference, and how far its perplexity is from the others'.
        return [.. named.Concat(Names(MetricTable.Perplexity, MetricTable.PerplexityRatio, MetricTable.ArtifactSize)).Distinct()];

        static IEnumerable<string> Names(params IEnumerable<MetricDefinition> metrics) => metrics.Select(m => m.Name);
    }

    /// <summary>The front of each model of a run.</summary>
    /// <param name="set">The run's candidates.</param>
    /// <param name="axes">Two metrics or more, each with a better direction.</param>
    /// <param name="tolerance">Relative loss on an axis that counts as none; 0 = every loss counts.</param>
    /// <exception cref="RequestException">Fewer than two axes, one named twice, or one without a better direction.</exception>
    public static ImmutableArray<ParetoFront> Analyze(CandidateSet set, IReadOnlyList<MetricSelector> axes, double tolerance = 0)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(axes);
        if (axes.Count < 2)
            throw new RequestException("a Pareto front needs two metrics or more.", "e.g. --metrics bits_per_weight,kl_mean,tg_tps");
        if (axes.Distinct().Count() < axes.Count) throw new RequestException("a metric is named twice.", "Each axis counts once.");
        foreach (MetricSelector axis in axes)
        {
            if (axis.Definition.Direction == Direction.None)
                throw new RequestException($"{axis.Metric} has no better direction.",
                    "Choose a metric that can be good or bad, e.g. kl_mean.");
        }

        ImmutableArray<string> notes = [.. axes.Select(set.Choice).OfType<string>()];
        return [.. set.All.GroupBy(c => c.Model).Select(g => Model(set, g.Key, [.. g], [.. axes], tolerance, notes))];
    }

    private static ParetoFront Model(CandidateSet set, string model, Candidate[] candidates, ImmutableArray<MetricSelector> axes,
        double tolerance, ImmutableArray<string> notes)
    {
        var points = new List<(Candidate Candidate, ImmutableArray<Estimate> Figures)>();
        var dropped = ImmutableArray.CreateBuilder<ParetoDropped>();
        string?[] protocols = new string?[axes.Length];
        foreach (Candidate candidate in candidates)
        {
            var figures = ImmutableArray.CreateBuilder<Estimate>(axes.Length);
            string? reason = null;
            for (int i = 0; i < axes.Length && reason is null; i++)
            {
                CandidateFigure figure = set.Figure(candidate, axes[i]);
                string? protocol = axes[i].Definition.Kind == MetricKind.Quality ? figure.Source?.Protocol : null;
                if (figure.Estimate is not { } estimate) reason = $"no {axes[i].Metric}: {figure.Reason}";
                else if (protocol is not null && (protocols[i] ??= protocol) != protocol)
                    reason = $"{axes[i].Metric} was measured under protocol {protocol}, the others under {protocols[i]}";
                else figures.Add(estimate);
            }

            if (reason is null) points.Add((candidate, figures.ToImmutable()));
            else dropped.Add(new ParetoDropped(set.Name(candidate), reason));
        }

        bool[] higher = [.. axes.Select(a => a.Definition.Direction == Direction.Higher)];
        ImmutableArray<(FrontPlace Place, int By)> places = Places([.. points.Select(p => p.Figures)], higher, tolerance, Alone(axes));
        // What is held against the reference can be better than it by noise alone: only what is shown beats it.
        places = [.. places.Select((p, i) =>
            p.Place == FrontPlace.MaybeFront && set.Reference(points[i].Candidate) == points[i].Candidate ? (FrontPlace.Front, -1) : p)];
        return new ParetoFront(
            model, axes, tolerance,
            [
                .. points.Select((p, i) =>
                    new ParetoPoint(p.Candidate, set.Name(p.Candidate), p.Figures, places[i].Place,
                        places[i].By < 0 ? null : set.Name(points[places[i].By].Candidate)))
                    .OrderBy(p => p.Place).ThenBy(p => higher[0] ? -p.Figures[0].Value : p.Figures[0].Value),
            ],
            dropped.ToImmutable(), notes);
    }

    /// <summary>Where each of some points stands.</summary>
    /// <param name="points">One estimate per axis.</param>
    /// <param name="higher">Per axis, whether more is better.</param>
    /// <param name="tolerance">Relative loss on an axis that counts as none.</param>
    /// <param name="alone">Per axis, how far off a single observation may be, relatively; null = any distance.</param>
    /// <returns>Per point its place and the index of one that beats it, −1 on the front.</returns>
    internal static ImmutableArray<(FrontPlace Place, int By)> Places(IReadOnlyList<ImmutableArray<Estimate>> points, bool[] higher,
        double tolerance, double[]? alone = null)
    {
        int n = points.Count;
        int axes = higher.Length;
        // Losses: less is better on each axis, so that one comparison serves both directions.
        double[] loss = new double[n * axes];
        double[] error = new double[n * axes];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < axes; k++)
            {
                loss[(i * axes) + k] = higher[k] ? -points[i][k].Value : points[i][k].Value;
                error[(i * axes) + k] = Error(points[i][k], alone?[k]);
            }
        }

        // Sorted by the first loss, then the next …: whoever beats a point by estimates comes before it, and someone on the front always
        // does.
        int[] order = [.. Enumerable.Range(0, n)];
        Array.Sort(order, (x, y) =>
        {
            for (int k = 0; k < axes; k++)
            {
                int by = loss[(x * axes) + k].CompareTo(loss[(y * axes) + k]);
                if (by != 0) return by;
            }

            return x.CompareTo(y);
        });
        var front = new List<int>();
        var places = new (FrontPlace Place, int By)[n];
        foreach (int i in order)
        {
            int at = front.FindIndex(f => Beats(f, i));
            int by = at < 0 ? -1 : front[at];
            places[i] = (by < 0 ? FrontPlace.Front : FrontPlace.MaybeFront, by);
            if (by < 0) front.Add(i);
        }

        // A beaten point may be shown so by any other, on the front or not.
        foreach (int i in order.Where(i => places[i].Place == FrontPlace.MaybeFront))
        {
            int at = ShowsBeaten(places[i].By, i) ? Array.IndexOf(order, places[i].By) : Array.FindIndex(order, j => ShowsBeaten(j, i));
            if (at >= 0) places[i] = (FrontPlace.Beaten, order[at]);
        }

        return [.. places];

        bool Beats(int a, int b)
        {
            bool better = false;
            for (int k = 0; k < axes; k++)
            {
                double x = loss[(a * axes) + k];
                double y = loss[(b * axes) + k];
                if (x > y) return false;
                better |= x < y;
            }

            return better;
        }

        bool ShowsBeaten(int a, int b)
        {
            bool better = false;
            for (int k = 0; k < axes; k++)
            {
                double x = loss[(a * axes) + k];
                double y = loss[(b * axes) + k];
                double ea = error[(a * axes) + k];
                double eb = error[(b * axes) + k];
                // The same figure to the last digit is one of the same numbers: neither is better.
                double margin = x == y && double.IsFinite(ea + eb) ? 0 : OneSided95 * Math.Sqrt((ea * ea) + (eb * eb));
                if (x - y + margin > tolerance * Math.Abs(y)) return false; // it might lose more on this axis than is tolerated
                better |= x - y + margin < 0;
            }

            return better;
        }
    }

    /// <summary>Whether it is shown that no other point beats one: against each there is an axis on which it is shown better, or all are
    /// equal and exact.</summary>
    /// <param name="points">One estimate per axis.</param>
    /// <param name="higher">Per axis, whether more is better.</param>
    /// <param name="point">Index of the point.</param>
    /// <param name="alone">As of <see cref="Places"/>.</param>
    internal static bool ShowsUnbeaten(IReadOnlyList<ImmutableArray<Estimate>> points, bool[] higher, int point, double[]? alone = null)
    {
        ImmutableArray<Estimate> own = points[point];
        return points.Where((_, i) => i != point).All(other =>
            Enumerable.Range(0, higher.Length).Any(k =>
            {
                double lead = higher[k] ? own[k].Value - other[k].Value : other[k].Value - own[k].Value;
                (double a, double b) = (Error(own[k], alone?[k]), Error(other[k], alone?[k]));
                return lead > OneSided95 * Math.Sqrt((a * a) + (b * b));
            })
            || Enumerable.Range(0, higher.Length).All(k => own[k].Value == other[k].Value
                && own[k].Certainty == Certainty.Exact && other[k].Certainty == Certainty.Exact));
    }

    /// <summary>How far off single observations of some metrics may be: memory by a tenth; of a speed or a quality nobody knows.</summary>
    internal static double[] Alone(IEnumerable<MetricSelector> axes) =>
        [.. axes.Select(a => a.Definition.Kind == MetricKind.Size ? SingleSize : double.PositiveInfinity)];

    private static double Error(Estimate estimate, double? alone) => estimate.Certainty != Certainty.Single ? estimate.Error
        : alone is { } share && double.IsFinite(share) ? share * Math.Abs(estimate.Value) : double.PositiveInfinity;
}
