using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Events;
using QuantBench.Runner.Servers;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>Gives cells the servers that the suite declares for them: started before, measured meanwhile, ended when another cell doesn't
/// need them.</summary>
/// <param name="environment">Where things lie.</param>
/// <param name="suite">The suite.</param>
/// <param name="logFolder">Folder of the servers' logs.</param>
/// <param name="events">Receives starts.</param>
internal sealed class ServerCells(RunnerEnvironment environment, Suite suite, string logFolder, IProgress<RunEvent> events)
    : IAsyncDisposable
{
    // The client sees by itself that its server is gone, and says what it was at.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(5);

    private readonly ServerKeeper _keeper =
        new(Path.GetDirectoryName(Path.GetFullPath(suite.File)) ?? ".", logFolder, environment.Clock, events);

    /// <summary>Measures a cell, on its server if it needs one.</summary>
    /// <param name="job">The cell.</param>
    /// <param name="measure">Measures it.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<CellResult> RunAsync(CellJob job, Func<CellJob, CancellationToken, Task<CellResult>> measure,
        CancellationToken cancellationToken)
    {
        if (suite.ServerOf(job.Cell.Backend) is not { } declared)
        {
            await _keeper.StopAsync();
            return await measure(job, cancellationToken);
        }

        ServerProcess server;
        DateTimeOffset started = environment.Clock.GetUtcNow();
        try
        {
            server = await _keeper.ForAsync(declared, job.Cell, job.Artifact?.Path, cancellationToken);
        }
        catch (QuantBenchException e) when (e is EngineException or UnsupportedException)
        {
            return new CellResult
            {
                Cell = job.Cell,
                Status = e is UnsupportedException ? CellStatus.Unsupported : CellStatus.Failed,
                Failure = e is UnsupportedException ? null : FailureKind.Crashed,
                Reason = e.Explanation,
                Started = started,
                Provenance = job.Provenance,
            };
        }

        _ = server.TakePeak();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task watched = StopWhenItDiesAsync(server, stop);
        // The device says how the server is spoken to, ServerOf that it has a name.
        var device = new ServerAddress(job.Cell.Backend.Server!.Protocol, server.Address.AbsoluteUri.TrimEnd('/'));
        CellResult result = await measure(
            job with
            {
                ServerDevice = device.ToString(),
                Provenance = job.Provenance.SetItem("server_command", string.Join(' ', declared.Command)),
            },
            stop.Token);
        await stop.CancelAsync();
        await watched;
        if (cancellationToken.IsCancellationRequested) return result;
        if (result.Status != CellStatus.Ok && await server.DeathAsync() is { } death)
        {
            string client = result is { Status: CellStatus.Failed, Reason: { } reason } ? $"; the client: {reason}" : "";
            return result with { Status = CellStatus.Failed, Failure = FailureKind.Crashed, Reason = death + client, Metrics = [] };
        }

        if (result.Status != CellStatus.Ok) return result;
        ServerMemory peak = server.TakePeak();
        return result with { Metrics = [.. result.Metrics, .. ServerSizes.Of(peak.ResidentBytes, peak.ProportionalBytes)] };
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _keeper.DisposeAsync();

    private async Task StopWhenItDiesAsync(ServerProcess server, CancellationTokenSource stop)
    {
        try
        {
            await server.Exited.WaitAsync(stop.Token);
            await Task.Delay(s_grace, environment.Clock, stop.Token);
            await stop.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // The cell ended first.
        }
    }
}
