using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using QuantBench.Core.Errors;
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
/// <param name="logger">Receives what went wrong.</param>
internal sealed class QueryWarmUp(OverviewQueries overview, RunQueries runs, ModelQueries models, TrendPanelQueries trends,
    ILogger<QueryWarmUp> logger) : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the server listens meanwhile
        try
        {
            await runs.FacetsAsync(stoppingToken);
            OverviewView first = await overview.LoadAsync(null, stoppingToken);
            await runs.ListAsync(new RunFilter(), stoppingToken);
            if (first.Newest is { } newest) await runs.FindAsync(newest, stoppingToken);
            await trends.DrawAsync(new TrendRequest(null, null, null, null, null, null, ByRun: false));
            await models.ListAsync(stoppingToken);
        }
        catch (Exception e)
            when (!stoppingToken.IsCancellationRequested
                && e is QuantBenchException or System.Data.Common.DbException or InvalidOperationException)
        {
            // Whoever asks next is told; a server goes on without.
            logger.LogWarning("answers couldn't be prepared: {Problem}", e.Message);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }
}
