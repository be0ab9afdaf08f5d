using System.Diagnostics;
using Hangfire;
using Microsoft.Extensions.Logging;
using QuantBench.Core.Errors;
using QuantBench.Lab.Telemetry;
using QuantBench.Results.Folders;

namespace QuantBench.Lab.Queue;

/// <summary>The job that Hangfire calls: one queued run from claim to end.</summary>
/// <param name="store">The queue's durable half.</param>
/// <param name="launcher">Starts runs.</param>
/// <param name="options">Where runs lie.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what went wrong.</param>
public sealed class OccurrenceJob(OccurrenceStore store, IRunLauncher launcher, LabOptions options, TimeProvider clock,
    ILogger<OccurrenceJob> logger)
{
    /// <summary>Times that a run is started without bringing a cell before it is given up.</summary>
    internal const int MostTries = 3;

    private static readonly TimeSpan s_lookForCancel = TimeSpan.FromSeconds(1);

    /// <summary>Runs an occurrence. It is claimed, measured and ended; a server that stops in between leaves it running, and the next goes
    /// on.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="cancellationToken">Cancelled when the server stops.</param>
    [AutomaticRetry(Attempts = 0)]
    [Queue(LabServer.QueueName)]
    public async Task RunAsync(long id, CancellationToken cancellationToken)
    {
        if (store.Claim(id) is not { } occurrence) return;
        if (store.CountTry(id, CellsOf(occurrence)) > MostTries)
        {
            // A run that takes its server with it would do so for ever.
            store.End(id, OccurrenceState.Failed, $"started {MostTries} times without a new result, and the server died each time");
            return;
        }

        using Activity? span = Traces.Source.StartActivity("run", ActivityKind.Consumer);
        span?.SetTag("quantbench.key", occurrence.Key).SetTag("quantbench.suite", Path.GetFileNameWithoutExtension(occurrence.Suite));
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using ITimer watch = clock.CreateTimer(_ => LookForCancel(id, cancel), null, s_lookForCancel, s_lookForCancel);
        try
        {
            var request = new LaunchRequest(occurrence.Suite, occurrence.Tag, occurrence.RunId, occurrence.Only,
                occurrence.Schedule is { } name ? [SuiteRunLauncher.ScheduleLabel + name] : []);
            LaunchedRun run = await launcher.RunAsync(request, runId => store.SetRun(id, runId), cancel.Token);
            if (run.Interrupted)
            {
                Stopped(id, cancellationToken);
                return;
            }

            store.SetRun(id, run.RunId);
            span?.SetTag("quantbench.run", run.RunId);
            string? failed = run.Failed > 0 ? $"{run.Failed} of {run.Cells} cells failed" : null;
            store.End(id, failed is null ? OccurrenceState.Done : OccurrenceState.Failed,
                failed is null || run.Note is null ? failed ?? run.Note : $"{failed}; {run.Note}");
        }
        catch (OperationCanceledException)
        {
            // The server stops: the occurrence stays running, the next server goes on with it.
            Stopped(id, cancellationToken);
        }
        catch (Exception e)
        {
            logger.LogError(e, "queued run {Key} ended", occurrence.Key);
            store.End(id, OccurrenceState.Failed, e is QuantBenchException { Hint: { } hint } ? $"{e.Message} {hint}" : e.Message);
        }
    }

    private void Stopped(long id, CancellationToken server)
    {
        if (server.IsCancellationRequested) store.ForgetTry(id);
        else store.End(id, OccurrenceState.Cancelled, "cancelled while it ran");
    }

    private long CellsOf(Occurrence occurrence)
    {
        if (occurrence.RunId is not { } run || !RunFolder.IsGivenId(run)) return 0;
        string file = Path.Combine(options.ResultsRoot, run, RunFolder.CellsFile);
        return DiskFault.AsStore($"{file}: can't be read", null, () => File.Exists(file) ? File.ReadLines(file).LongCount() : 0);
    }

    private void LookForCancel(long id, CancellationTokenSource cancel)
    {
        try
        {
            if (store.CancelAsked(id)) cancel.Cancel();
        }
        catch (Exception e) when (e is System.Data.Common.DbException or ObjectDisposedException)
        {
            // Busy, or the run has just ended: asked again in a second.
        }
    }
}
