namespace QuantBench.Lab.Alerts;

/// <summary>What alerts are about, as messages name it.</summary>
public static class AlertKinds
{
    /// <summary>A queued run ended without all of its results.</summary>
    public const string RunFailed = "run.failed";

    /// <summary>A time of a schedule passed without its run.</summary>
    public const string RunMissed = "run.missed";

    /// <summary>A machine hasn't been heard of.</summary>
    public const string MachineSilent = "machine.silent";

    /// <summary>A machine took itself out of the lab's work.</summary>
    public const string MachineUnfit = "machine.unfit";

    /// <summary>A job was handed out too often without a result.</summary>
    public const string JobQuarantined = "job.quarantined";

    /// <summary>A metric got worse, and a later run confirmed it.</summary>
    public const string Regression = "regression";

    /// <summary>Somebody asked for a message, to see whether it arrives.</summary>
    public const string Trial = "trial";
}
