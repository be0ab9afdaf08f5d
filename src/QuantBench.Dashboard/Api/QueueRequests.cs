using System.Collections.Immutable;
using System.Security.Claims;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;

namespace QuantBench.Dashboard.Api;

/// <summary>Starting and cancelling runs, the same for pages and API.</summary>
internal static class QueueRequests
{
    /// <summary>Puts a run of a suite into the queue.</summary>
    /// <exception cref="RequestException">There is no scheduler, no such suite, or it needs an admin's approval.</exception>
    /// <exception cref="SuiteException">The suite breaks the schema.</exception>
    public static Occurrence Start(LabOptions lab, OccurrenceStore queue, AuditLog audit, SuiteApprovals approvals,
        DashboardOptions options, string suite, ImmutableArray<string> only, ClaimsPrincipal user)
    {
        if (options.Launcher is null)
            throw new RequestException("this server only shows pages.", "Start it with './run-bench.sh serve' to run suites.");
        if (only.Contains(null!)) throw new RequestException("a pattern in 'only' is null.", "Leave it out, or name cells.");
        if (only.Length > 1000) throw new RequestException($"{only.Length} patterns in 'only' are more than are taken.", "At most 1000.");
        string file = lab.SuiteFile(suite)
            ?? throw new RequestException($"there is no suite '{suite}' here.", "Name a file of the suites' directory without '.yaml'.");
        if (SuitePlan.CellsOf(SuiteLoader.Load(file, lab.Engines), only, null).IsEmpty)
            throw new RequestException("nothing of the suite is left to run.", "Loosen 'only'.");
        Permit(lab, approvals, file, user);
        string actor = PageActions.Actor(user);
        Occurrence asked = queue.Request(file, actor, only: only);
        audit.Write(actor, "run.start", asked.Key, null, file);
        return asked;
    }

    /// <summary>Reads a suite that somebody wants to run. What it needs beyond the usual an admin approves by asking, others can't ask
    /// for.</summary>
    /// <exception cref="RequestException">It needs an admin's approval.</exception>
    /// <exception cref="SuiteException">The suite breaks the schema.</exception>
    public static Suite Permit(LabOptions lab, SuiteApprovals approvals, string file, ClaimsPrincipal user)
    {
        Suite suite = SuiteLoader.Load(file, lab.Engines);
        if (user.IsInRole(Policies.Name(Role.Admin))) approvals.Approve(suite, PageActions.Actor(user));
        else approvals.Check(suite);
        return suite;
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
