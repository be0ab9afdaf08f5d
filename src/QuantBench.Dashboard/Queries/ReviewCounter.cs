using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using QuantBench.Analysis.Trends;
using QuantBench.Core.Metrics;
using QuantBench.Lab.Hosting;
using QuantBench.Lab.Reviews;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>
/// Counts the changes of level that nobody has acknowledged, in the metrics people ask for first. Pages show the last count and never wait
/// for it: it is made again only after a run has ended, so that a run that is being measured isn't disturbed.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="reviews">What was acknowledged.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
internal sealed class ReviewCounter(ResultStore store, ChangeReviews reviews, TimeProvider clock, ILogger<ReviewCounter> logger)
    : SteadyService("counting changes", clock, logger)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);
    private static readonly ImmutableArray<string> s_metrics = [.. MetricTable.Headlines.Where(m => m.IsWatched).Select(m => m.Name)];

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string,
        ImmutableArray<ChangeKey>> _found = new(StringComparer.Ordinal);
    private ImmutableArray<(string Metric, int Count)> _open = [];
    private ImmutableArray<(ChangeKey Key, DateTimeOffset Confirmed, string Sentence)> _worse = [];
    private int _ended = -1;

    /// <summary>Metrics with open changes, and how many; empty while nothing was counted.</summary>
    public ImmutableArray<(string Metric, int Count)> Open => _open;

    /// <summary>Open changes in all.</summary>
    public int Total => _open.Sum(o => o.Count);

    /// <summary>Whether anybody should look at a change: it got worse, or nobody can say whether it is better, and a later run has
    /// confirmed it. What one run alone shows is measured again first.</summary>
    public static bool IsWork(TrendChange change) => change is { Worse: not false, State: ChangeState.Confirmed };

    /// <summary>The name of a change for reviews.</summary>
    public static ChangeKey KeyOf(TrendSeries series, TrendChange change) =>
        new ChangeKey(series.Metric.Name, series.CellId, series.MachineId, change.RunId);

    /// <summary>The changes to the worse, with when the run started that confirmed each, and in words.</summary>
    public ImmutableArray<(ChangeKey Key, DateTimeOffset Confirmed, string Sentence)> Worse => _worse;

    /// <summary>The changes of a metric that somebody should look at, acknowledged or not.</summary>
    internal ImmutableArray<ChangeKey> Found(string metric) => _found.TryGetValue(metric, out ImmutableArray<ChangeKey> keys) ? keys : [];

    /// <summary>Takes in what was acknowledged since; called when something was, so that the next page shows it.</summary>
    public void Recount()
    {
        if (_ended < 0) return;
        ImmutableDictionary<ChangeKey, ChangeReview> seen = reviews.All();
        _open = [.. s_metrics.Select(m => (m, _found[m].Count(k => !seen.ContainsKey(k)))).Where(o => o.Item2 > 0)];
    }

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_interval, Clock);
        while (await timer.WaitForNextTickAsync(stopping)) Count();
    }

    internal void Count()
    {
        int ended = new StoredRuns(store).CountEnded();
        if (ended != _ended)
        {
            long since = Clock.GetUtcNow().AddDays(-TrendRequest.DefaultDays).ToUnixTimeMilliseconds();
            using AggregateReader reader = store.OpenReader();
            var worse = ImmutableArray.CreateBuilder<(ChangeKey Key, DateTimeOffset Confirmed, string Sentence)>();
            foreach (string metric in s_metrics)
            {
                TrendReport report = TrendAnalyzer.Analyze(reader, new SeriesQuery(metric, SinceMs: since));
                _found[metric] = [.. report.Series.SelectMany(s => s.Changes.Where(IsWork).Select(c => KeyOf(s, c)))];
                foreach (TrendSeries series in report.Series)
                {
                    worse.AddRange(series.Changes.Where(c => IsWork(c) && c.Worse == true).Select(c =>
                        (KeyOf(series, c), series.Points[Math.Min(c.Index + 1, series.Points.Length - 1)].Started,
                            TrendText.Sentence(series, c))));
                }
            }

            _worse = worse.ToImmutable();

            _ended = ended;
        }

        Recount();
    }
}
