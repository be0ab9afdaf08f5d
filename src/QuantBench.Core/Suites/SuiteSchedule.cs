namespace QuantBench.Core.Suites;

/// <summary>What becomes of times that passed while nobody could start the run.</summary>
public enum CatchUp
{
    /// <summary>The most recent one runs, older ones are recorded as missed.</summary>
    Last,

    /// <summary>None runs; they are recorded as missed.</summary>
    Skip,

    /// <summary>Every one runs, in order.</summary>
    All,
}

/// <summary>When a suite runs by itself.</summary>
/// <param name="Cron">The times.</param>
/// <param name="CatchUp">What becomes of missed times.</param>
public sealed record SuiteSchedule(CronTimes Cron, CatchUp CatchUp);
