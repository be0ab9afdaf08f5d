using System.Collections.Immutable;
using System.Runtime;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Kernels;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Speed of one kernel. A sample is the mean over as many runs as take a few milliseconds, so that the clock and the threads' waking up
/// cost little; warm-up also lasts until the just-in-time compiler has come to rest. Bytes and operations are those the operation needs
/// (<see cref="KernelSpec"/>), not those a kernel happens to do, so that kernels can be compared. A kernel with a device of its own is
/// timed by that device's clock, and its share is one of the rate at which the device copies memory (<see cref="IDeviceKernel"/>).
/// </summary>
public sealed class KernelEvaluator : IWorkloadEvaluator
{
    // Long against the clock (ns) and a thread's waking up (some 10 µs), short enough for a hundred samples a second.
    private const double SampleSeconds = 0.005;

    // Steadiness is judged on medians of such blocks: single samples of a few milliseconds scatter more than warming up changes them.
    private const double BlockSeconds = 0.1;

    // Tiered compilation makes final code in the background after 100 ms without new methods; while it still does, code that looks steady
    // will change.
    private const double JitQuietSeconds = 0.25;

    private const int MostRuns = 1 << 24;
    private const long LeastColdBytes = 128L << 20;

    /// <inheritdoc/>
    public string Workload => "kernel";

    /// <summary>Bytes of weights that take turns in a cold kernel on this machine: four times the last level of cache.</summary>
    public static long ColdBytes { get; } = Math.Max(LeastColdBytes, 4 * (CpuCaches.LastLevelBytes() ?? 0));

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Core.Cells.Cell cell = context.Cell;
        if (context.Engine is not IKernelEngine kernels)
            return Support.No($"{context.Engine.Name}: its kernels can't be timed one by one; time a model with the workload 'latency'");
        return KernelSpec.Of(cell, out string? reason) is { } spec ? kernels.CanRunKernel(spec, cell.Backend.Device)
            : Support.No($"{cell.Backend}: {reason}");
    }

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        CanRun(context).OrThrow();
        KernelSpec spec = KernelSpec.Of(context.Cell, out _)!; // CanRun has read it
        ImmutableSortedDictionary<string, double> before = context.Machine.Conditions();
        int threads = LoadedCell.ThreadsOf(context);
        context.Progress.Report(new EvaluationProgress("load", 0, 0, ""));
        using IKernel kernel = ((IKernelEngine)context.Engine).CreateKernel(spec, context.Cell.Backend.Device, threads, ColdBytes);
        var notes = new List<string>();
        double? memory = (kernel as IDeviceKernel)?.CopyBandwidth() ?? context.MemoryBandwidth;
        int runs = WarmUpUntilSteady(context, kernel, notes, cancellationToken);
        CheckOutput(kernel, context.Cell);

        var seconds = new List<double>();
        GC.Collect();
        var log = new InterferenceLog(context, threads);
        var rule = new RepetitionRule(context, log);
        while (rule.WantsMore(seconds))
        {
            cancellationToken.ThrowIfCancellationRequested();
            seconds.Add(TimeOf(context, kernel, runs));
            log.Add();
            context.Progress.Report(
                new EvaluationProgress("measure", seconds.Count, context.Cell.Settings.Int("repetitions"),
                    $"{spec.Bytes / seconds[^1] / 1e9:0.00} GB/s"));
        }

        log.End();
        string[] marks = rule.Marks(seconds);
        ImmutableArray<Measurement>.Builder metrics = ImmutableArray.CreateBuilder<Measurement>();
        metrics.AddRange(Measurements(spec, seconds, memory, log.Disturbed(), marks).Select(rule.Weighed));
        notes.AddRange((metrics[0].Notes ?? []).Select(n => $"kernel: {n}"));
        if (context.Machine.PeakResidentBytes() is { } peak) metrics.Add(Measurement.Of("rss_peak", peak));
        EvaluationResult result = LoadedCell.Result(
            context, threads, context.Cell.Backend.Device, before, metrics.ToImmutable(), notes,
            ("runs_per_sample", runs.ToString()), ("weight_bytes", spec.WeightBytes.ToString()),
            ("clock", kernel is IDeviceKernel ? "device events" : "host"),
            ("memory_bandwidth", memory is { } bandwidth ? $"{bandwidth:0} B/s" : "not measured"));
        return InterferenceLog.AddTo(result, log);
    }

    /// <summary>The measurements of a kernel.</summary>
    /// <param name="spec">The kernel.</param>
    /// <param name="seconds">Seconds of one run, one sample each; at least one.</param>
    /// <param name="memoryBandwidth">Memory bandwidth in bytes per second; null when it wasn't measured.</param>
    /// <param name="disturbed">Indexes of the samples that were disturbed.</param>
    /// <param name="marks">Marks on the figures.</param>
    public static IEnumerable<Measurement> Measurements(KernelSpec spec, IReadOnlyCollection<double> seconds, double? memoryBandwidth,
        int[] disturbed, params string[] marks)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(seconds);
        double[] bandwidth = [.. seconds.Select(s => spec.Bytes / s)];
        yield return MeasurementBuilder.FromRepetitions("kernel_bandwidth", bandwidth, disturbed, marks);
        // Many tokens are bound by arithmetic: their share would only say how many there are.
        if (memoryBandwidth is > 0 && spec.Tokens == 1)
            yield return MeasurementBuilder.FromRepetitions("kernel_bandwidth_share",
                [.. bandwidth.Select(b => b / memoryBandwidth.Value)], disturbed, marks);
        if (spec.Operations > 0)
            yield return MeasurementBuilder.FromRepetitions("kernel_flops", [.. seconds.Select(s => spec.Operations / s)], disturbed,
                marks);
    }

    /// <returns>Runs of a sample.</returns>
    private static int WarmUpUntilSteady(EvaluationContext context, IKernel kernel, List<string> notes, CancellationToken cancellationToken)
    {
        double cap = context.Cell.Settings.Number("warmup_cap");
        long start = context.Clock.GetTimestamp();
        int runs = 1;
        long compiled = 0;
        double compiledAt = 0;
        double blockAt = 0;
        var samples = new List<double>();
        var blocks = new List<double>();
        // Once: reporting is code of its own, and would keep the compiler awake that is waited for here.
        context.Progress.Report(new EvaluationProgress("warm-up", 0, 0, ""));
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double seconds = TimeOf(context, kernel, runs);
            samples.Add(seconds);
            double passed = context.Clock.GetElapsedTime(start).TotalSeconds;
            if (JitInfo.GetCompiledMethodCount() is var count && count != compiled) (compiled, compiledAt) = (count, passed);

            // Twice as many until they are enough, and later again: final code may be ten times as fast as the first.
            if (seconds * runs < SampleSeconds && runs < MostRuns) runs *= 2;
            if (passed - blockAt >= BlockSeconds)
            {
                blocks.Add(Descriptive.Median(samples.ToArray()));
                samples.Clear();
                blockAt = passed;
                if (passed - compiledAt >= JitQuietSeconds && WarmUp.IsSteady(blocks.ToArray())) return runs;
            }

            if (passed < cap) continue;
            notes.Add(passed - compiledAt < JitQuietSeconds
                ? "warm-up cap reached while code was still being compiled: later samples may be faster"
                : "warm-up cap reached before a steady state");
            return runs;
        }
    }

    private static double TimeOf(EvaluationContext context, IKernel kernel, int runs)
    {
        if (kernel is IDeviceKernel device) return device.Time(runs) / runs;
        long start = context.Clock.GetTimestamp();
        for (int i = 0; i < runs; i++) kernel.Run();
        return context.Clock.GetElapsedTime(start).TotalSeconds / runs;
    }

    // A kernel that writes nothing, or nonsense, would be the fastest of all.
    private static void CheckOutput(IKernel kernel, Core.Cells.Cell cell)
    {
        bool anything = false;
        foreach (float value in kernel.Output)
        {
            if (!float.IsFinite(value))
                throw new EngineException($"{cell.Title}: the kernel's results aren't numbers",
                    "This is a fault of the kernel; its speed would mean nothing.");
            anything |= value != 0;
        }

        if (!anything)
            throw new EngineException($"{cell.Title}: the kernel wrote no results",
                "This is a fault of the kernel; its speed would mean nothing.");
    }
}
