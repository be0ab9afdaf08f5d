namespace QuantBench.Lab.Alerts;

/// <summary>Something that somebody should hear of, once.</summary>
/// <param name="Key">What it is, so that it is told once: the same key again is the same alert.</param>
/// <param name="Kind">One of the words of <see cref="AlertKinds"/>.</param>
/// <param name="Text">It in a sentence.</param>
/// <param name="At">When it happened, UTC.</param>
public sealed record Alert(string Key, string Kind, string Text, DateTimeOffset At)
{
    /// <summary>When it went out by every way that is set; null while it hasn't.</summary>
    public DateTimeOffset? Sent { get; init; }

    /// <summary>Why it couldn't be sent the last time; null when nothing was wrong.</summary>
    public string? Problem { get; init; }
}
