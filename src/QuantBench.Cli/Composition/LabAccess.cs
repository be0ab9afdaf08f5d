using QuantBench.Lab.Accounts;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Alerts;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Composition;

/// <summary>The lab's database of a results directory, for commands that change it.</summary>
internal sealed class LabAccess
{
    private readonly LabSettings _settings;

    public LabAccess(RunnerEnvironment environment)
    {
        LabDatabase database = LabDatabase.Open(environment.ResultsRoot, environment.Store);
        Audit = new AuditLog(database, environment.Clock);
        Schedules = new ScheduleStore(database, Audit, environment.Clock);
        Queue = new OccurrenceStore(database, environment.Clock);
        Approvals = new SuiteApprovals(database, Audit, environment.Clock, environment.DatasetsDirectory);
        Accounts = new AccountStore(database);
        Keys = new ApiKeyStore(database, environment.Clock);
        _settings = new LabSettings(database, Audit);
        Machines = new MachineStore(database, Audit, environment.Clock);
        Jobs = new JobStore(database, Audit, environment.Clock, LeaseTimes.Default);
        Pause = new LabPause(_settings);
        Alerts = new AlertStore(database, _settings, Audit, environment.Clock);
    }

    public AuditLog Audit { get; }

    public ScheduleStore Schedules { get; }

    public OccurrenceStore Queue { get; }

    public SuiteApprovals Approvals { get; }

    public AccountStore Accounts { get; }

    public ApiKeyStore Keys { get; }

    public MachineStore Machines { get; }

    public JobStore Jobs { get; }

    public LabPause Pause { get; }

    public AlertStore Alerts { get; }

    /// <summary>Sets the secret that signs requests of repositories; the audit log doesn't hold it.</summary>
    public void SetHookSecret(string secret)
    {
        _settings.Keep(LabSettings.HookSecret, secret);
        Audit.Write(Actor, "hook.secret", LabSettings.HookSecret);
    }

    /// <summary>Who types, as the audit log names them.</summary>
    public static string Actor => $"command line ({Environment.UserName})";
}
