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
/// <param name="Confirm">How often cells of a timing that looks worse are measured again before that is said; 0 = never.</param>
public sealed record SuiteSchedule(CronTimes Cron, CatchUp CatchUp, int Confirm = SuiteSchedule.DefaultConfirm)
{
    /// <summary><see cref="Confirm"/> where nothing is said.</summary>
    public const int DefaultConfirm = 2;

    /// <summary>The most.</summary>
    public const int MostConfirm = 20;
}
