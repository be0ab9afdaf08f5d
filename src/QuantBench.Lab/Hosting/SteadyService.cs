using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace QuantBench.Lab.Hosting;

/// <summary>
/// Background work of a server that no error ends, neither the work nor the server: whatever it throws is said on the console, and it
/// begins again a little later. (The host would stop the whole server, with exit code 0.)
/// </summary>
/// <param name="name">What it does, as the console names it.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
public abstract class SteadyService(string name, TimeProvider clock, ILogger logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    /// <summary>The one clock.</summary>
    protected TimeProvider Clock => clock;

    /// <summary>Receives what went wrong.</summary>
    protected ILogger Logger => logger;

    /// <summary>Does the work, from its beginning.</summary>
    /// <param name="stopping">Cancelled when the server stops.</param>
    protected abstract Task WorkAsync(CancellationToken stopping);

    /// <inheritdoc/>
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the server listens meanwhile
        string? said = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WorkAsync(stoppingToken);
                return;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Once per cause: a database that is away for a night fills no log.
                if (said != e.Message) logger.LogWarning("{Work} stumbled and begins again: {Problem}", name, Cause(e));
                said = e.Message;
            }

            try
            {
                await Task.Delay(s_pause, clock, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    // Frameworks wrap what a reader wants to know.
    private static string Cause(Exception e) => e.InnerException is { } inner ? $"{e.Message} ({inner.GetBaseException().Message})"
        : e.Message;
}
