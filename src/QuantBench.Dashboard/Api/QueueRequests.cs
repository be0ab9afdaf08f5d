using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;

namespace QuantBench.Dashboard.Api;

/// <summary>Starting and cancelling runs, the same for pages and API.</summary>
internal static class QueueRequests
{
    /// <summary>Puts a run of a suite into the queue.</summary>
    /// <exception cref="RequestException">There is no scheduler or no such suite.</exception>
    /// <exception cref="SuiteException">The suite breaks the schema.</exception>
    public static Occurrence Start(LabOptions lab, OccurrenceStore queue, AuditLog audit, DashboardOptions options, string suite,
        ImmutableArray<string> only, string actor)
    {
        if (options.Launcher is null)
            throw new RequestException("this server only shows pages.", "Start it with './run-bench.sh serve' to run suites.");
        string file = lab.SuiteFile(suite)
            ?? throw new RequestException($"there is no suite '{suite}' in {lab.SuitesDirectory}.", "Name a file there without '.yaml'.");
        if (SuitePlan.CellsOf(SuiteLoader.Load(file, lab.Engines), only, null).IsEmpty)
            throw new RequestException("nothing of the suite is left to run.", "Loosen 'only'.");
        Occurrence asked = queue.Request(file, actor, only: only);
        audit.Write(actor, "run.start", asked.Key, null, file);
        return asked;
    }

    /// <summary>Cancels a queued or running run.</summary>
    /// <exception cref="RequestException">It has ended, or isn't the queue's.</exception>
    public static void Cancel(OccurrenceStore queue, AuditLog audit, long id, string actor)
    {
        Occurrence? before = queue.Find(id);
        queue.Cancel(id);
        audit.Write(actor, "run.cancel", before?.Key ?? id.ToString(), before?.State.ToString().ToLowerInvariant(), "cancelled");
    }
}
