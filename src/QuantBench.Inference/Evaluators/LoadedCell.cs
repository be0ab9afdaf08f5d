using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>A cell's model and session, with the facts every workload reports about them.</summary>
internal sealed class LoadedCell : IDisposable
{
    // Share of all cores that other processes may keep busy before a cell is marked.
    private const double QuietShare = 0.1;

    private const int MostThreadsPerCore = 4;

    private readonly EvaluationContext _context;
    private readonly ImmutableSortedDictionary<string, double> _before;
    private ImmutableArray<string>? _said; // by the engine at its end, which comes once

    private readonly SessionOptions _options;
    private readonly MemoryPlan? _plan;

    private LoadedCell(EvaluationContext context, SessionOptions options, MemoryPlan? plan, ILoadedModel model,
        ImmutableSortedDictionary<string, double> before) =>
        (_context, _options, _plan, Threads, Model, _before) = (context, options, plan, options.Threads, model, before);

    /// <summary>CPU threads of engine and scoring.</summary>
    public int Threads { get; }

    /// <summary>The model.</summary>
    public ILoadedModel Model { get; }

    /// <summary>The session; set by <see cref="CreateSession()"/>.</summary>
    public IInferenceSession? Session { get; private set; }

    /// <summary>Resident memory once the session was ready.</summary>
    public long? ResidentLoadedBytes { get; private set; }

    /// <summary>Loads the cell's model on the cell's device.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="options">The session that will be made.</param>
    /// <param name="logitRows">Most logits rows of one append.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="UnsupportedException">It can't fit into memory.</exception>
    /// <exception cref="EngineException">The engine refused, or put the weights elsewhere.</exception>
    public static LoadedCell Open(EvaluationContext context, SessionOptions options, int logitRows, CancellationToken cancellationToken)
    {
        context.Progress.Report(new EvaluationProgress("load", 0, 0, ""));
        ImmutableSortedDictionary<string, double> before = context.Machine.Conditions();
        MemoryPlan? plan = PlannedMemory.Of(context, options, logitRows);
        return new LoadedCell(context, options, plan, Load(context, options.Threads, cancellationToken), before);
    }

    /// <summary>Whether the cell's engine gives logits of the cell's artifact.</summary>
    public static Support CanRun(EvaluationContext context) => context.Engine is ILogitsEngine engine
        ? engine.CanRun(context.Artifact, context.Cell.Backend.Device)
        : Support.No($"{context.Engine.Name}: it gives no logits of an artifact, which {context.Cell.Workload} needs");

    /// <summary>Loads the model and checks the device.</summary>
    /// <exception cref="UnsupportedException">The engine gives no logits.</exception>
    public static ILoadedModel Load(EvaluationContext context, int threads, CancellationToken cancellationToken)
    {
        string device = context.Cell.Backend.Device;
        if (context.Engine is not ILogitsEngine engine) throw new UnsupportedException(null, CanRun(context).Reason ?? "");
        ILoadedModel model = engine.Load(context.Artifact, device, OptionsOf(context, threads), cancellationToken);
        if (model.DeviceUsed == device) return model;
        string used = model.DeviceUsed;
        model.Dispose();
        throw new EngineException(
            $"{context.Engine.Name} was asked to run on {device}, but runs on {used}.",
            "A figure of another device would be wrong here; run 'quantbench doctor' to see the usable devices.");
    }

    /// <summary>Load options of the cell's settings.</summary>
    public static LoadOptions OptionsOf(EvaluationContext context, int threads) => new()
    {
        Threads = threads,
        GpuLayers = checked((int)context.Cell.Settings.Int("gpu_layers")),
        CallerComputesBetweenRuns = WorkloadTable.Find(context.Cell.Workload) is { IsTimed: false },
        Settings = context.Cell.Settings,
        OutputFolder = context.OutputFolder,
        Compiling = kernel => context.Progress.Report(new EvaluationProgress("compile", 0, 0, kernel)),
    };

    /// <summary>Threads of a cell: its setting, or all usable cores.</summary>
    /// <exception cref="UnsupportedException">There are far fewer cores than threads.</exception>
    public static int ThreadsOf(EvaluationContext context)
    {
        int threads = checked((int)context.Cell.Settings.Int("threads")), cores = Math.Max(1, context.Machine.UsableCores);
        if (threads > MostThreadsPerCore * cores)
        {
            throw new UnsupportedException(null,
                $"{threads} threads are asked for, but this process may use {cores} core{(cores == 1 ? "" : "s")} "
                    + $"(affinity and container limits counted); more than {MostThreadsPerCore} threads per core wait more than they work.",
                $"Set threads to at most {MostThreadsPerCore * cores}, or to 0 for as many as there are cores.");
        }

        return threads > 0 ? threads : cores;
    }

    /// <summary>Session options of the cell's settings.</summary>
    public static SessionOptions CommonOptions(EvaluationContext context, int contextLength) =>
        CommonOptions(context, ThreadsOf(context), contextLength);

    /// <summary>As above, with threads that are known.</summary>
    public static SessionOptions CommonOptions(EvaluationContext context, int threads, int contextLength) => new()
    {
        ContextLength = contextLength,
        BatchTokens = checked((int)context.Cell.Settings.Int("n_batch")),
        MicroBatchTokens = checked((int)context.Cell.Settings.Int("n_ubatch")),
        Threads = threads,
        KvType = KvTypes.OfKeys(context.Cell.Settings),
        KvTypeOfValues = KvTypes.OfValues(context.Cell.Settings),
        FlashAttention = context.Cell.Settings.Text("flash_attention"),
    };

    /// <summary>Creates the session and reads the resident memory.</summary>
    /// <exception cref="RequestException">The context is longer than the model's.</exception>
    public IInferenceSession CreateSession()
    {
        SessionOptions options = _options;
        if (Model.TrainedContextLength > 0 && options.ContextLength > Model.TrainedContextLength)
        {
            throw new RequestException(
                $"The cell needs a context of {options.ContextLength} tokens, but the model was trained for {Model.TrainedContextLength}.",
                "Use a smaller n_ctx, or smaller prompt, generate and depth.");
        }

        Session = Model.CreateSession(options);
        ResidentLoadedBytes = _context.Machine.ResidentBytes();
        return Session;
    }

    /// <summary>Sizes of artifact, engine and process; call at the end, for the peak.</summary>
    public void AddSizes(ImmutableArray<Measurement>.Builder metrics)
    {
        AddSizes(_context, metrics, Session?.Memory, ResidentLoadedBytes);
        PlannedMemory.AddTo(metrics, _plan);
    }

    /// <summary>Sizes of artifact, engine and process.</summary>
    public static void AddSizes(EvaluationContext context, ImmutableArray<Measurement>.Builder metrics, EngineMemory? memory,
        long? residentLoaded)
    {
        metrics.Add(Measurement.Of("artifact_size", context.Artifact.Bytes));
        if (context.Artifact.ParameterCount > 0) metrics.Add(Measurement.Of("bits_per_weight", context.Artifact.BitsPerWeight));
        if (residentLoaded is { } loaded) metrics.Add(Measurement.Of("rss_loaded", loaded));
        if (context.Machine.PeakResidentBytes() is { } peak) metrics.Add(Measurement.Of("rss_peak", peak));
        if (memory is not { } engine) return;
        metrics.Add(Measurement.Of("weights_size", engine.WeightsBytes));
        metrics.Add(Measurement.Of("kv_cache_size", engine.KvCacheBytes));
        metrics.Add(Measurement.Of("compute_size", engine.ComputeBytes));
        if (engine.DeviceBytes is { } device) metrics.Add(Measurement.Of("device_memory", device));
    }

    /// <summary>Finishes a result: provenance, conditions before and after, and a mark when other processes kept the machine
    /// busy.</summary>
    /// <param name="metrics">The measurements.</param>
    /// <param name="notes">Marks so far.</param>
    /// <param name="provenance">Facts of the workload.</param>
    public EvaluationResult Result(ImmutableArray<Measurement> metrics, IEnumerable<string> notes,
        params ReadOnlySpan<(string Key, string Value)> provenance) =>
        Result(_context, Threads, Model.DeviceUsed, _before, metrics, [.. notes, .. _said ??= (Model as IEngineReport)?.Finish() ?? []],
            [.. provenance, .. FactsOf(Model)]);

    /// <summary>As above, for a cell whose model is gone already.</summary>
    public static EvaluationResult Result(
        EvaluationContext context,
        int threads,
        string deviceUsed,
        ImmutableSortedDictionary<string, double> before,
        ImmutableArray<Measurement> metrics,
        IEnumerable<string> notes,
        params ReadOnlySpan<(string Key, string Value)> provenance)
    {
        CheckFinite(metrics);
        ImmutableSortedDictionary<string, double> after = context.Machine.Conditions();
        var conditions = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        foreach ((string key, double value) in before) conditions[$"before_{key}"] = value;
        foreach ((string key, double value) in after) conditions[$"after_{key}"] = value;
        var facts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        facts["threads_used"] = threads.ToString();
        facts["device_used"] = deviceUsed;
        facts["engine_build"] = context.Engine.Build;
        foreach ((string key, string value) in provenance) facts[key] = value;
        ImmutableArray<string> marks = [.. notes];
        if (after.TryGetValue(MachineProbe.OtherShare, out double share) && share >= QuietShare)
        {
            marks = marks.Add($"other processes kept {share * 100:0} % of the CPU busy while measuring");
        }

        int cores = Math.Max(1, context.Machine.UsableCores);
        if (threads > cores) marks = marks.Add($"{threads} threads shared {cores} usable core{(cores == 1 ? "" : "s")}");
        return new EvaluationResult
        {
            Metrics = metrics,
            Notes = marks,
            Provenance = facts.ToImmutable(),
            Conditions = conditions.ToImmutable()
        };
    }

    /// <summary>A figure that isn't finite is no result, whatever it was computed from.</summary>
    private static void CheckFinite(ImmutableArray<Measurement> metrics)
    {
        foreach (Measurement metric in metrics)
        {
            double[] numbers = [metric.Value, metric.Error ?? 0, .. metric.Ci95 ?? [], .. metric.Samples ?? []];
            if (numbers.All(double.IsFinite)) continue;
            throw new EngineException($"'{metric.Name}' isn't finite: its value is {metric.Value}, its error {metric.Error ?? 0}.",
                "The artifact is broken, or its activations overflow this engine's or KV cache's number format.");
        }
    }

    /// <summary>What an engine adds to the provenance, if it has the ability.</summary>
    public static (string Key, string Value)[] FactsOf(object model) =>
        model is IEngineReport report ? [.. report.Facts.Select(f => (f.Key, f.Value))] : [];

    /// <inheritdoc/>
    public void Dispose()
    {
        Session?.Dispose();
        Model.Dispose();
    }
}
