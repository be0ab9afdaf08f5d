namespace QuantBench.Lab.Agents;

/// <summary>A machine that measures nothing until a probe passes.</summary>
/// <param name="Why">What is wrong with it.</param>
/// <param name="Since">Since when, UTC by the server's clock.</param>
public sealed record MachineUnfit(string Why, DateTimeOffset Since);
