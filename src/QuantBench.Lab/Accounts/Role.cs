namespace QuantBench.Lab.Accounts;

/// <summary>What somebody may do; each role of people may what the ones before it may.</summary>
public enum Role
{
    /// <summary>Looks.</summary>
    Viewer,

    /// <summary>Starts and cancels runs, edits notes and schedules, uploads results.</summary>
    Operator,

    /// <summary>Manages accounts, keys and settings, reads the audit log.</summary>
    Admin,

    /// <summary>A machine of the lab, by its key only: fetches its jobs, sends their results, and nothing else.</summary>
    Agent,
}
