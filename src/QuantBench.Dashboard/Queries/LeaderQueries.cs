using System.Collections.Immutable;
using QuantBench.Analysis.Leaders;
using QuantBench.Core.Metrics;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>Machines and variants of a model, ranked.</summary>
/// <param name="store">The store.</param>
/// <param name="cache">What stays true until the store changes.</param>
internal sealed class LeaderQueries(ResultStore store, StoreCache cache)
{
    /// <summary>Metrics that can be ranked: the headlines with a better direction.</summary>
    public static ImmutableArray<MetricDefinition> Metrics { get; } =
        [.. MetricTable.Headlines.Where(m => m.Direction != Direction.None)];

    /// <summary>The leaderboard of a model.</summary>
    /// <param name="model">Model id.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="way">Way of measuring; null = that of most figures.</param>
    public Task<Leaderboard> BoardAsync(string model, MetricDefinition metric, string? way) =>
        cache.GetAsync($"leaders {model} {metric.Name} {way}", () =>
        {
            using AggregateReader reader = store.OpenReader();
            ImmutableArray<SeriesRow> rows = reader.Series(new SeriesQuery(metric.Name, Model: model));
            return Task.FromResult(Leaderboard.Of(metric, rows.Select(LeaderFigure.Of), way));
        });
}
