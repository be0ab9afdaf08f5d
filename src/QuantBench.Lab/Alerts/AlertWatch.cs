using Microsoft.Extensions.Logging;
using QuantBench.Lab.Hosting;
using QuantBench.Lab.Queue;

namespace QuantBench.Lab.Alerts;

/// <summary>Watches for alerts, on the server that runs the queue and no other.</summary>
/// <param name="round">Looks and sends.</param>
/// <param name="server">The scheduler.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
public sealed class AlertWatch(AlertRound round, LabServer server, TimeProvider clock, ILogger<AlertWatch> logger)
    : SteadyService("watching for alerts", clock, logger)
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(s_look, Clock);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            if (server.IsActive) await round.RunAsync(stopping);
        }
    }
}
