using Microsoft.Extensions.Logging;
using QuantBench.Lab.Hosting;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>
/// Asks once, when the server has started, what the first reader will ask: code is compiled, the database's pages are read and answers are
/// kept before somebody waits for them. Not again after changes, since a machine that measures has better things to do.
/// </summary>
/// <param name="overview">The first page.</param>
/// <param name="runs">Runs.</param>
/// <param name="models">Models.</param>
/// <param name="trends">Trends.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
internal sealed class QueryWarmUp(OverviewQueries overview, RunQueries runs, ModelQueries models, TrendPanelQueries trends,
    TimeProvider clock, ILogger<QueryWarmUp> logger) : SteadyService("preparing answers", clock, logger)
{
    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stopping)
    {
        try
        {
            await runs.FacetsAsync(stopping);
            OverviewView first = await overview.LoadAsync(null, stopping);
            await runs.ListAsync(new RunFilter(), stopping);
            if (first.Newest is { } newest) await runs.FindAsync(newest, stopping);
            await trends.DrawAsync(new TrendRequest(null, null, null, null, null, null, ByRun: false));
            await models.ListAsync(stopping);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whoever asks next is told; a server goes on without.
            Logger.LogWarning("answers couldn't be prepared: {Problem}", e.Message);
        }
    }
}
