using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Time per run of any ONNX model, and how far its outputs are from a reference's on the same inputs: a variant of the same model, or
/// another file. The inputs are arrays from files or random (<see cref="TensorInputs"/>) and stay the same over all runs.
/// </summary>
public sealed class OnnxLatencyEvaluator : IWorkloadEvaluator, IReferencedWorkload
{
    /// <inheritdoc/>
    public string Workload => "onnx-latency";

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Engine is ITensorEngine engine ? engine.CanRunTensors(context.Artifact, context.Cell.Backend.Device)
            : Support.No($"{context.Engine.Name}: it runs language models only; {Workload} needs an engine for any ONNX model");
    }

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Progress.Report(new EvaluationProgress("load", 0, 0, ""));
        ImmutableSortedDictionary<string, double> before = context.Machine.Conditions();
        int threads = LoadedCell.ThreadsOf(context);
        using ITensorModel model = Load(context, threads, cancellationToken);
        long? residentLoaded = context.Machine.ResidentBytes();
        var notes = new List<string>();
        ImmutableArray<TensorInput> inputs = TensorInputs.Make(model.Inputs, context.Cell.Settings);
        foreach (TensorInput input in inputs) model.SetInput(input.Name, input.Value);
        notes.AddRange(inputs.Select(i => i.Note).OfType<string>());

        double first = RunOnce(context, model, cancellationToken);
        ImmutableArray<TensorOutput> outputs = model.Outputs();
        WarmUpUntilSteady(context, model, notes, cancellationToken);
        var samples = new List<double>();
        var log = new InterferenceLog(context, threads);
        var rule = new RepetitionRule(context, log);
        while (rule.WantsMore(samples))
        {
            cancellationToken.ThrowIfCancellationRequested();
            samples.Add(RunOnce(context, model, cancellationToken));
            log.Add();
            context.Progress.Report(
                new EvaluationProgress("measure", samples.Count, context.Cell.Settings.Int("repetitions"), $"{samples[^1]:0.00} ms"));
        }

        log.End();
        string[] marks = rule.Marks(samples);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        metrics.Add(rule.Weighed(MeasurementBuilder.FromRepetitions("run_latency", [.. samples], log.Disturbed(), marks)));
        metrics.Add(
            rule.Weighed(
                MeasurementBuilder.FromRepetitions("runs_per_second", [.. samples.Select(ms => 1000 / ms)], log.Disturbed(), marks)));
        if (context.ReferencePath is { } path) AddErrors(metrics, TensorReference.Read(path), outputs);
        LoadedCell.AddSizes(context, metrics, model.Memory, residentLoaded);
        // After the sizes: the other model's memory isn't this one's.
        if (context.Cell.Settings.Text("reference_file") is { Length: > 0 } file)
            AddErrors(metrics, OutputsOfFile(context, file, inputs, cancellationToken), outputs);
        notes.AddRange(metrics[0].Notes ?? []);
        notes.Add($"first run {first:0.00} ms");
        string deviceUsed = model.DeviceUsed;
        (string, string)[] facts = [.. LoadedCell.FactsOf(model), ("inputs", string.Join("; ", inputs.Select(i => i.Description)))];
        if (model is IEngineReport report) notes.AddRange(report.Finish());
        return InterferenceLog.AddTo(
            LoadedCell.Result(context, threads, deviceUsed, before, metrics.ToImmutable(), notes, facts), log);
    }

    /// <inheritdoc/>
    public void ComputeReference(EvaluationContext context, string outputPath, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        using ITensorModel model = Load(context, LoadedCell.ThreadsOf(context), cancellationToken);
        foreach (TensorInput input in TensorInputs.Make(model.Inputs, context.Cell.Settings)) model.SetInput(input.Name, input.Value);
        model.Run(cancellationToken);
        TensorReference.Write(outputPath, model.Outputs());
    }

    private static ImmutableArray<TensorOutput> OutputsOfFile(EvaluationContext context, string file, ImmutableArray<TensorInput> inputs,
        CancellationToken cancellationToken)
    {
        if (context.ReferencePath is not null)
            throw new RequestException("The cell names both 'reference' and 'reference_file'.", "Keep one of them.");
        string path = Path.GetFullPath(file);
        if (!File.Exists(path) && !Directory.Exists(path))
            throw new RequestException($"There is no reference model at {path}.",
                "Give an ONNX file; relative paths start where the command was started.");
        context.Progress.Report(new EvaluationProgress("reference", 0, 0, ""));
        var artifact = context.Artifact with { Path = path };
        // Load has checked that the engine has the ability.
        var options = new LoadOptions { Threads = LoadedCell.ThreadsOf(context) };
        using ITensorModel model = ((ITensorEngine)context.Engine).LoadTensors(artifact, "cpu", options, cancellationToken);
        foreach (TensorInput input in inputs) model.SetInput(input.Name, input.Value);
        model.Run(cancellationToken);
        return model.Outputs();
    }

    private ITensorModel Load(EvaluationContext context, int threads, CancellationToken cancellationToken)
    {
        if (context.Engine is not ITensorEngine engine) throw new UnsupportedException(null, CanRun(context).Reason ?? "");
        string device = context.Cell.Backend.Device;
        ITensorModel model = engine.LoadTensors(context.Artifact, device, LoadedCell.OptionsOf(context, threads), cancellationToken);
        if (model.DeviceUsed == device) return model;
        string used = model.DeviceUsed;
        model.Dispose();
        throw new EngineException($"{context.Engine.Name} was asked to run on {device}, but runs on {used}.",
            "A figure of another device would be wrong here; run 'quantbench doctor' to see the usable devices.");
    }

    private static double RunOnce(EvaluationContext context, ITensorModel model, CancellationToken cancellationToken)
    {
        long start = context.Clock.GetTimestamp();
        model.Run(cancellationToken);
        return context.Clock.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void WarmUpUntilSteady(EvaluationContext context, ITensorModel model, List<string> notes,
        CancellationToken cancellationToken)
    {
        double cap = context.Cell.Settings.Number("warmup_cap") / context.Launches;
        if (cap <= 0)
        {
            notes.Add("no warm-up");
            return;
        }

        var durations = new List<double>();
        long start = context.Clock.GetTimestamp();
        while (!WarmUp.IsWarm([.. durations]))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (context.Clock.GetElapsedTime(start).TotalSeconds >= cap)
            {
                notes.Add("warm-up cap reached before a steady state");
                return;
            }

            durations.Add(RunOnce(context, model, cancellationToken));
            context.Progress.Report(new EvaluationProgress("warm-up", durations.Count, 0, ""));
        }
    }

    private static void AddErrors(ImmutableArray<Measurement>.Builder metrics, ImmutableArray<TensorOutput> reference,
        ImmutableArray<TensorOutput> outputs)
    {
        TensorError error = TensorError.Between(reference, outputs);
        metrics.Add(Measurement.Of("output_error", error.Relative));
        metrics.Add(Measurement.Of("output_error_max", error.Largest));
    }
}
