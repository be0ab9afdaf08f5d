using System.Collections.Immutable;
using QuantBench.Core.Machine;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Inference.Evaluators;

/// <summary>One part of a latency cell, prompt or generation: repeated until steady, then until its interval is tight.</summary>
/// <param name="context">The cell.</param>
/// <param name="name">Name of the part in progress and marks.</param>
/// <param name="tokens">Tokens of one repetition.</param>
/// <param name="run">Makes one repetition.</param>
/// <param name="lastMs">Milliseconds the last repetition took.</param>
/// <param name="threads">Threads that compute.</param>
internal sealed class LatencyPart(EvaluationContext context, string name, int tokens, Action<CancellationToken> run, Func<double> lastMs,
    int threads)
{
    /// <summary>Milliseconds of each measured repetition.</summary>
    public List<double> Milliseconds { get; } = [];

    /// <summary>What measuring used; null before <see cref="Measure"/>.</summary>
    public EnergySpan? Energy { get; private set; }

    /// <summary>Which of them were disturbed; null before <see cref="Measure"/>.</summary>
    public InterferenceLog? Log { get; private set; }

    /// <summary>Adds energy per token, of everything from the first repetition to the last; nothing where that isn't known.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="metrics">Receives it.</param>
    /// <param name="facts">Receives whose energy it is, or why there is none.</param>
    public void AddEnergy(string metric, ImmutableArray<Measurement>.Builder metrics, List<(string Key, string Value)> facts)
    {
        if (Energy is not { } energy) return;
        facts.Add(($"energy_{name}", energy.Verdict));
        if (energy.Joules is { } joules)
            metrics.Add(MeasurementBuilder.FromRepetitions(metric, [joules / tokens / Milliseconds.Count], []));
    }

    private bool _capped;

    // Devices of accelerators are numbered, but for Apple's; instruction sets and "cpu" aren't.
    private bool IsOnDevice => context.Cell.Backend.Device is "metal"
        || context.Cell.Backend.Device.Contains(':', StringComparison.Ordinal);

    /// <summary>Repeats until a steady state, or to the cap; each of several launches has its share of it, but one repetition.</summary>
    /// <param name="notes">Receives a mark when there is none.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Resident memory after the first repetition; null when unknown or nothing was run.</returns>
    public long? WarmUp(List<string> notes, CancellationToken cancellationToken)
    {
        double cap = context.Cell.Settings.Number("warmup_cap") / context.Launches;
        if (cap <= 0)
        {
            notes.Add($"{name}: no warm-up");
            return null;
        }

        long? resident = null;
        var milliseconds = new List<double>();
        long start = context.Clock.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            run(cancellationToken);
            resident ??= context.Machine.ResidentBytes();
            milliseconds.Add(lastMs());
            context.Progress.Report(new EvaluationProgress("warm-up", milliseconds.Count, 0, name));
            if (Evaluators.WarmUp.IsWarm([.. milliseconds])) return resident;
            if (context.Clock.GetElapsedTime(start).TotalSeconds < cap) continue;
            _capped = true;
            return resident;
        }
    }

    /// <summary>Repeats until the interval of the median is tight, or to a cap.</summary>
    /// <param name="notes">Receives a mark when the cap ended the warm-up and the first repetition shows that it was too early.</param>
    /// <param name="afterEach">Called after each repetition, outside its time.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>The rule that ended it; knows the marks.</returns>
    public RepetitionRule Measure(List<string> notes, Action afterEach, CancellationToken cancellationToken)
    {
        // What the warm-up left is collected now, not in the middle of a repetition.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var log = new InterferenceLog(context, threads);
        Log = log;
        var rule = new RepetitionRule(context, log);
        EnergyReading before = context.Machine.Energy(IsOnDevice);
        long start = context.Clock.GetTimestamp();
        while (rule.WantsMore(Milliseconds))
        {
            cancellationToken.ThrowIfCancellationRequested();
            run(cancellationToken);
            Milliseconds.Add(lastMs());
            log.Add();
            afterEach();
            context.Progress.Report(new EvaluationProgress(
                "measure", Milliseconds.Count, context.Cell.Settings.Int("repetitions"), $"{name} {tokens / (lastMs() / 1000):0.0} t/s"));
        }

        Energy = EnergyCounters.Between(before, context.Machine.Energy(IsOnDevice), context.Clock.GetElapsedTime(start).TotalSeconds);
        log.End();
        if (_capped && Evaluators.WarmUp.WasCold([.. log.Clean(Milliseconds)]))
            notes.Add($"{name}: warm-up cap reached before a steady state");
        return rule;
    }
}
