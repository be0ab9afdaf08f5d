using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>Asks an engine what a cell will take before it is loaded, and refuses what can't fit.</summary>
internal static class PlannedMemory
{
    /// <summary>The plan of a cell; null where its engine makes none, and after the cell's first launch.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="session">Its session.</param>
    /// <param name="logitRows">Most logits rows of one append.</param>
    /// <exception cref="UnsupportedException">It can't fit into this machine's memory or the device's.</exception>
    public static MemoryPlan? Of(EvaluationContext context, SessionOptions session, int logitRows)
    {
        if (context.Launch > 1) return null; // the first launch's plan is the cell's, and a large vocabulary is long to read
        if (context.Engine is not IMemoryPlanner planner) return null;
        string device = context.Cell.Backend.Device;
        if (planner.Plan(context.Artifact, device, LoadedCell.OptionsOf(context, session.Threads), session, logitRows) is not { } plan)
            return null;
        if (context.Machine.MemoryBytes is { } host && plan.HostBytes > host)
            throw TooLarge(context, plan, $"{Size(plan.HostBytes)} of it in this machine's memory, which has {Size(host)}");
        if (plan.Memory.DeviceBytes is { } wanted && DeviceMemory(context.Engine, device) is { } total && wanted > total)
            throw TooLarge(context, plan, $"{Size(wanted)} of it on {device}, which has {Size(total)}");
        return plan;
    }

    /// <summary>Adds a plan's parts.</summary>
    /// <param name="metrics">Receives them.</param>
    /// <param name="plan">The plan; null adds none.</param>
    public static void AddTo(ImmutableArray<Measurement>.Builder metrics, MemoryPlan? plan)
    {
        if (plan?.Memory is not { } memory) return;
        metrics.Add(Measurement.Of("weights_planned", memory.WeightsBytes));
        metrics.Add(Measurement.Of("kv_cache_planned", memory.KvCacheBytes));
        metrics.Add(Measurement.Of("compute_planned", memory.ComputeBytes));
    }

    private static long? DeviceMemory(IEngine engine, string device) =>
        engine.Devices().FirstOrDefault(d => d.Id == device)?.MemoryTotalBytes;

    private static UnsupportedException TooLarge(EvaluationContext context, MemoryPlan plan, string where) => new(null,
        $"{context.Cell.Backend}: it can't fit: weights {Size(plan.Memory.WeightsBytes)}, KV cache {Size(plan.Memory.KvCacheBytes)} and "
            + $"compute buffers {Size(plan.Memory.ComputeBytes)} are expected, {where}.",
        "Take a smaller variant or kv_type, or lower n_ctx, n_batch, depth or parallel.");

    private static string Size(long bytes) => (bytes / (double)(1L << 30)).ToString("0.##", CultureInfo.InvariantCulture) + " GiB";
}
