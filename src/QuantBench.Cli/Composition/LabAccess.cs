using QuantBench.Lab.Accounts;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>The lab's database of a results directory, for commands that change it.</summary>
internal sealed class LabAccess
{
    public LabAccess(RunnerEnvironment environment)
    {
        LabDatabase database = LabDatabase.Open(environment.ResultsRoot);
        Audit = new AuditLog(database, environment.Clock);
        Schedules = new ScheduleStore(database, Audit, environment.Clock);
        Queue = new OccurrenceStore(database, environment.Clock);
        Approvals = new SuiteApprovals(database, Audit, environment.Clock, environment.DatasetsDirectory);
        Accounts = new AccountStore(database);
        Keys = new ApiKeyStore(database, environment.Clock);
    }

    public AuditLog Audit { get; }

    public ScheduleStore Schedules { get; }

    public OccurrenceStore Queue { get; }

    public SuiteApprovals Approvals { get; }

    public AccountStore Accounts { get; }

    public ApiKeyStore Keys { get; }

    /// <summary>Who types, as the audit log names them.</summary>
    public static string Actor => $"command line ({Environment.UserName})";
}
