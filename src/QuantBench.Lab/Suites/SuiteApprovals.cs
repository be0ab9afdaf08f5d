using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Suites;

/// <summary>
/// Which suites with needs of their own (<see cref="SuiteNeeds"/>) may run from the queue: those whose file and text an admin has
/// approved. A changed text is another one. What somebody starts on the command line is theirs and isn't asked about.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="audit">Receives every approval.</param>
/// <param name="clock">The one clock.</param>
/// <param name="datasetsDirectory">Directory of the installation's texts and models.</param>
public sealed class SuiteApprovals(LabDatabase database, AuditLog audit, TimeProvider clock, string datasetsDirectory)
{
    /// <summary>What of a suite isn't approved; empty when it may run.</summary>
    /// <param name="suite">The suite as it was read.</param>
    public ImmutableArray<string> Missing(Suite suite)
    {
        ImmutableArray<string> needs = SuiteNeeds.Of(suite, datasetsDirectory);
        return needs.IsEmpty || database.Query(r => r.GetInt64(0),
            "SELECT count(*) FROM suite_approvals WHERE file = $1 AND sha256 = $2", FileOf(suite), Sha256(suite))[0] > 0 ? [] : needs;
    }

    /// <summary>Refuses a suite that may not run.</summary>
    /// <param name="suite">The suite as it was read.</param>
    /// <exception cref="RequestException">It needs an approval that nobody gave.</exception>
    public void Check(Suite suite)
    {
        if (Missing(suite) is [_, ..] missing)
        {
            throw new RequestException(
                $"suite '{suite.Name}' needs an admin's approval before a server runs it: {string.Join("; ", missing.Take(5))}"
                    + $"{(missing.Length > 5 ? "; …" : "")}.",
                $"An admin approves it by starting it, or on the server's machine: quantbench suites approve {suite.File}");
        }
    }

    /// <summary>Approves a suite's text as it is.</summary>
    /// <param name="suite">The suite as it was read.</param>
    /// <param name="actor">The admin.</param>
    /// <returns>What was approved; empty when there was nothing to approve.</returns>
    public ImmutableArray<string> Approve(Suite suite, string actor)
    {
        ImmutableArray<string> missing = Missing(suite);
        if (missing.IsEmpty) return missing;
        database.Execute("INSERT INTO suite_approvals (file, sha256, actor, at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            FileOf(suite), Sha256(suite), actor, clock.GetUtcNow());
        audit.Write(actor, "suite.approve", suite.Name, null, Sha256(suite), string.Join("; ", missing));
        return missing;
    }

    /// <summary>Approves what was scheduled before there were approvals, once: whoever could schedule it then could place the
    /// file.</summary>
    /// <param name="schedules">All schedules.</param>
    /// <param name="engines">What is known of the engines that suites name.</param>
    public void ApproveEarlier(IEnumerable<Schedule> schedules, EngineCatalog engines)
    {
        ArgumentNullException.ThrowIfNull(schedules);
        if (database.Execute("DELETE FROM settings WHERE name = 'approve_schedules'") == 0) return;
        foreach (string file in schedules.Select(s => s.Suite).Distinct())
        {
            try
            {
                Approve(SuiteLoader.Load(file, engines), "upgrade");
            }
            catch (QuantBenchException)
            {
                // A broken suite doesn't run; mended it is another text.
            }
        }
    }

    private static string FileOf(Suite suite) => Path.GetFullPath(suite.File);

    private static string Sha256(Suite suite) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(suite.Text)));
}
