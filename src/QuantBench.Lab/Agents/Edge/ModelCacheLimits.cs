namespace QuantBench.Lab.Agents.Edge;

/// <summary>What an agent may keep, and where it needs to keep nothing.</summary>
/// <param name="Quota">Most bytes of pulled models and artifacts in its cache; null = no limit.</param>
/// <param name="Shared">Directory of models that machines share; null = none.</param>
/// <param name="Hash">SHA-256 of a file there.</param>
public sealed record ModelCacheLimits(long? Quota, string? Shared, Func<string, string> Hash);
