using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Runner.Events;

namespace QuantBench.Runner.Servers;

/// <summary>
/// The servers of a run: at most one runs at a time, for as long as cells in a row need the same one. One that died is started again for
/// the next cell.
/// </summary>
/// <param name="directory">The suite's directory.</param>
/// <param name="logFolder">Folder of their logs.</param>
/// <param name="clock">The one clock.</param>
/// <param name="events">Receives starts.</param>
internal sealed class ServerKeeper(string directory, string logFolder, TimeProvider clock, IProgress<RunEvent> events) : IAsyncDisposable
{
    private (string Server, string? Variant, string? Model)? _key;
    private ServerProcess? _running;

    /// <summary>The server for a cell, running and ready.</summary>
    /// <param name="server">What to start.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="modelPath">Path of its artifact; null when there is none.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">It can't be started.</exception>
    public async Task<ServerProcess> ForAsync(SuiteServer server, Cell cell, string? modelPath, CancellationToken cancellationToken)
    {
        (string, string?, string?) key = server.ServesArtifact ? (server.Id, cell.Variant.Id, modelPath) : (server.Id, null, null);
        if (_running is { Exited.IsCompleted: false } running && _key == key) return running;
        await StopAsync();
        string name = server.ServesArtifact ? $"server {server.Id} with {cell.Variant.Id}" : $"server {server.Id}";
        long start = clock.GetTimestamp();
        events.Report(new RunEvent.PreparationStarted(cell.Model, name));
        try
        {
            _running = await ServerProcess.StartAsync(server, cell.Variant.Id, modelPath, directory, LogPath(server), clock,
                cancellationToken);
            _key = key;
        }
        catch (QuantBenchException e)
        {
            events.Report(new RunEvent.PreparationEnded(cell.Model, name, false, Seconds(start), 0, e.Explanation));
            throw;
        }

        events.Report(new RunEvent.PreparationEnded(cell.Model, name, false, Seconds(start), 0, null));
        return _running;
    }

    /// <summary>Ends the one that runs.</summary>
    public async Task StopAsync()
    {
        if (_running is { } running) await running.DisposeAsync();
        (_running, _key) = (null, null);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private double Seconds(long start) => clock.GetElapsedTime(start).TotalSeconds;

    private string LogPath(SuiteServer server) => Enumerable.Range(1, int.MaxValue)
        .Select(i => Path.Combine(logFolder, $"server-{server.Id}-{i}.log")).First(p => !File.Exists(p));
}
