namespace QuantBench.Inference.Engines;

/// <summary>Memory that a model and its session are expected to take.</summary>
/// <param name="Memory">By its parts, as the engine will report them.</param>
/// <param name="PagedBytes">Weights among them that stay in the mapped file: the OS may drop and read them again, so they needn't
/// fit.</param>
public sealed record MemoryPlan(EngineMemory Memory, long PagedBytes)
{
    /// <summary>All parts, in bytes.</summary>
    public long TotalBytes => Memory.WeightsBytes + Memory.KvCacheBytes + Memory.ComputeBytes;

    /// <summary>What the host's memory must hold, in bytes.</summary>
    public long HostBytes => Math.Max(0, TotalBytes - PagedBytes - (Memory.DeviceBytes ?? 0));
}
