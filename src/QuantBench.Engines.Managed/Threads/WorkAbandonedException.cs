namespace QuantBench.Engines.Managed.Threads;

/// <summary>Another worker failed, so this one leaves the barrier it waits at.</summary>
internal sealed class WorkAbandonedException : Exception;
