namespace QuantBench.Runner.Servers;

/// <summary>Largest memory of a server's process tree over some time, from samples; null where the OS doesn't tell.</summary>
/// <param name="ResidentBytes">Sum of the processes' resident bytes.</param>
/// <param name="ProportionalBytes">Sum of their proportional bytes: shared pages count once.</param>
internal readonly record struct ServerMemory(long? ResidentBytes, long? ProportionalBytes);
