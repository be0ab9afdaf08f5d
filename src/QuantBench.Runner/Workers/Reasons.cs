namespace QuantBench.Runner.Workers;

/// <summary>Reasons in results: one text that says what was wrong and what to do next.</summary>
internal static class Reasons
{
    /// <summary>A reason with its hint as a second sentence.</summary>
    /// <param name="reason">What was wrong.</param>
    /// <param name="hint">What to do next, or null.</param>
    public static string With(string reason, string? hint) => hint is null ? reason : $"{reason.TrimEnd('.')}. {hint}";
}
