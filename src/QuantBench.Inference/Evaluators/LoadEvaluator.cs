using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Load time: opening the artifact until a session of 512 tokens (or the model's context, if shorter) is ready, again and again. The first
/// load is reported apart, in a note, because nobody knows what the OS had cached then; the samples are loads with cached file pages.
/// </summary>
public sealed class LoadEvaluator : IWorkloadEvaluator
{
    private const int ContextTokens = 512;

    /// <inheritdoc/>
    public string Workload => "load";

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context) => LoadedCell.CanRun(context);

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ImmutableSortedDictionary<string, double> before = context.Machine.Conditions();
        int threads = LoadedCell.ThreadsOf(context);
        MemoryPlan? plan = PlannedMemory.Of(context, LoadedCell.CommonOptions(context, threads, ContextTokens), 1);
        long? residentLoaded = null;
        EngineMemory memory = default;
        string deviceUsed = "";
        (string Key, string Value)[] facts = [];
        context.Progress.Report(new EvaluationProgress("warm-up", 0, 0, ""));
        double first = LoadOnce();
        var samples = new List<double>();
        var log = new InterferenceLog(context, threads, faultsCount: false);
        var rule = new RepetitionRule(context, log);
        while (rule.WantsMore(samples))
        {
            cancellationToken.ThrowIfCancellationRequested();
            samples.Add(LoadOnce());
            log.Add();
            context.Progress.Report(
                new EvaluationProgress("measure", samples.Count, context.Cell.Settings.Int("repetitions"), $"{samples[^1]:0.0} ms"));
        }

        log.End();
        string[] marks = rule.Marks(samples);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        Measurement time = rule.Weighed(MeasurementBuilder.FromRepetitions("load_time", [.. samples], log.Disturbed(), marks));
        metrics.Add(time);
        LoadedCell.AddSizes(context, metrics, memory, residentLoaded);
        PlannedMemory.AddTo(metrics, plan);
        string[] notes = [.. marks, .. (time.Notes ?? []).Where(IntervalMark.Is), $"first load {first:0.0} ms"];
        return InterferenceLog.AddTo(
            LoadedCell.Result(context, threads, deviceUsed, before, metrics.ToImmutable(), notes, facts), log);

        double LoadOnce()
        {
            long start = context.Clock.GetTimestamp();
            using ILoadedModel model = LoadedCell.Load(context, threads, cancellationToken);
            int length = model.TrainedContextLength > 0 ? Math.Min(ContextTokens, model.TrainedContextLength) : ContextTokens;
            using IInferenceSession session = model.CreateSession(LoadedCell.CommonOptions(context, threads, length));
            double milliseconds = context.Clock.GetElapsedTime(start).TotalMilliseconds;
            residentLoaded ??= context.Machine.ResidentBytes();
            memory = session.Memory;
            deviceUsed = model.DeviceUsed;
            facts = LoadedCell.FactsOf(model);
            return milliseconds;
        }
    }
}
