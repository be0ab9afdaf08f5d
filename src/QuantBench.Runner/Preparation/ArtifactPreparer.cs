using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Evaluators;
using QuantBench.Models.Sources;
using QuantBench.Runner.Events;
using QuantBench.Runner.Registry;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Preparation;

/// <summary>
/// Makes the artifacts of one model. Planning runs in one worker, each build in another, so native code never runs in this process. What
/// failed once isn't tried again in the same run.
/// </summary>
public sealed class ArtifactPreparer
{
    private static readonly TimeSpan s_planTimeout = TimeSpan.FromMinutes(2);

    private readonly RunnerEnvironment _environment;
    private readonly ModelRegistry _registry;
    private readonly string _model;
    private readonly ModelSource _source;
    private readonly CalibrationText? _calibration;
    private readonly IProgress<RunEvent> _events;
    private readonly Dictionary<string, PlannedArtifact> _plans = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Prepared> _done = new(StringComparer.Ordinal);

    /// <summary>Makes a preparer.</summary>
    /// <param name="environment">Where things lie.</param>
    /// <param name="model">Id of the model, for events.</param>
    /// <param name="source">Its source.</param>
    /// <param name="calibration">Calibration text; null when no variant needs one.</param>
    /// <param name="events">Receives what happens.</param>
    public ArtifactPreparer(RunnerEnvironment environment, string model, ModelSource source, CalibrationText? calibration,
        IProgress<RunEvent> events)
    {
        ArgumentNullException.ThrowIfNull(environment);
        (_environment, _model, _source, _calibration, _events) = (environment, model, source, calibration, events);
        _registry = new ModelRegistry(environment.CacheRoot, environment.Clock);
    }

    /// <summary>Wall-clock limit for one artifact.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(2);

    /// <summary>CPU threads for builds.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>What is known of artifacts that were read in this run.</summary>
    internal ArtifactCheck Check { get; init; } = new();

    /// <summary>Folder for the logs of builds; null = none.</summary>
    public string? LogFolder { get; init; }

    /// <summary>Finds out how artifacts are made, all in one worker.</summary>
    /// <param name="names">Variant ids.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Null, or why planning failed.</returns>
    public async Task<WorkerOutcome.Failed?> PlanAsync(IEnumerable<string> names, CancellationToken cancellationToken)
    {
        WorkerJob job = _environment.NewJob(WorkerJobKind.Plan) with { Build = BuildOf([.. names]) };
        WorkerOutcome outcome = await new WorkerProcess(_environment.Worker, _environment.Clock)
            .RunAsync(job, new WorkerLimits(s_planTimeout), LogPath("plan"), new Progress<EvaluationProgress>(), cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (outcome is not WorkerOutcome.Finished finished) return outcome as WorkerOutcome.Failed;
        foreach ((string name, PlannedArtifact plan) in finished.Value.Plans) _plans[name] = plan;
        return null;
    }

    /// <summary>Why a planned artifact can't be made; null when it can.</summary>
    /// <param name="name">A name that was planned.</param>
    public string? WhyNot(string name) => !_plans.TryGetValue(name, out PlannedArtifact? plan) ? $"{name} was never planned"
        : plan.Recipe is not null ? null : plan.Fault ?? plan.Unsupported ?? $"nothing here can make {name}";

    /// <summary>Makes an artifact and what it starts from, unless it is there.</summary>
    /// <param name="name">A name that was planned.</param>
    /// <param name="cancellationToken">Stops; the half-built artifact is thrown away.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    /// <exception cref="StoreException">The cache can't be written.</exception>
    public async Task<Prepared> PrepareAsync(string name, CancellationToken cancellationToken)
    {
        if (_done.TryGetValue(name, out Prepared? before)) return before;
        Prepared prepared = await MakeAsync(name, cancellationToken);
        _done[name] = prepared;
        return prepared;
    }

    private async Task<Prepared> MakeAsync(string name, CancellationToken cancellationToken)
    {
        if (!_plans.TryGetValue(name, out PlannedArtifact? plan)) return Prepared.Not(CellStatus.Failed, $"{name} was never planned");
        if (plan.Recipe is not { } planned)
        {
            return plan.Fault is { } fault ? Prepared.Not(CellStatus.Failed, fault)
                : Prepared.Not(CellStatus.Unsupported, plan.Unsupported ?? $"nothing here can make {name}");
        }

        ArtifactRecipe recipe = planned.ToRecipe();
        var inputPaths = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var inputHashes = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string input in recipe.Inputs)
        {
            Prepared made = await PrepareAsync(input, cancellationToken);
            if (made.Entry is not { } entry) return Prepared.Not(made.Status, $"{name} starts from {input}: {made.Reason}");
            inputPaths[input] = made.Path;
            inputHashes[input] = entry.Sha256;
        }

        string key = ModelRegistry.Key(_source.Sha256, name, recipe, inputHashes.ToImmutable());
        long start = _environment.Clock.GetTimestamp();
        bool cached = _registry.Find(key) is not null;
        if (!cached) _events.Report(new RunEvent.PreparationStarted(_model, name));
        try
        {
            RegistryEntry entry = await GetOrBuildAsync();
            if (cached && await Check.FaultAsync(entry, _registry.ArtifactPath(entry), cancellationToken) is { } fault)
            {
                _events.Report(new RunEvent.Warning($"{_model}: the artifact {name} in the cache is damaged ({fault}); it is made again"));
                await _registry.DiscardAsync(key, cancellationToken);
                cached = false;
                _events.Report(new RunEvent.PreparationStarted(_model, name));
                entry = await GetOrBuildAsync();
            }

            Report(name, cached, start, entry.Bytes, null);
            return Prepared.Ready(entry, _registry.ArtifactPath(entry));
        }
        catch (QuantBenchException e) when (e is EngineException or UnsupportedException)
        {
            Report(name, cached, start, 0, e.Explanation);
            return Prepared.Not(e);
        }

        Task<RegistryEntry> GetOrBuildAsync() => _registry.GetOrBuildAsync(
            key, name, (path, stop) => BuildAsync(key, name, recipe, inputPaths.ToImmutable(), inputHashes.ToImmutable(), path, stop),
            cancellationToken);
    }

    private async Task<RegistryEntry> BuildAsync(
        string key, string name, ArtifactRecipe recipe, ImmutableSortedDictionary<string, string> paths,
        ImmutableSortedDictionary<string, string> hashes,
        string output, CancellationToken cancellationToken)
    {
        WorkerBuild build = BuildOf([name]) with
        {
            Builder = recipe.Builder,
            Inputs = new Dictionary<string, string>(paths),
            OutputPath = output,
            Threads = Threads,
        };
        long start = _environment.Clock.GetTimestamp();
        var progress = new Forward<EvaluationProgress>(p => _events.Report(new RunEvent.PreparationProgress(_model, name, p)));
        WorkerOutcome outcome = await new WorkerProcess(_environment.Worker, _environment.Clock)
            .RunAsync(_environment.NewJob(WorkerJobKind.Prepare) with { Build = build }, new WorkerLimits(Timeout), LogPath(name), progress,
                cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (outcome is WorkerOutcome.Failed failed)
            outcome = failed with { Reason = UsersPath.In(failed.Reason, output, _source.Path, name, recipe.Builder) };
        return _registry.Entry(
            key, _source, name, recipe, hashes,
            outcome.ResultOf($"making {name}").Built ?? throw new EngineException($"making {name}: the worker didn't say what it built."),
            _environment.Clock.GetElapsedTime(start).TotalSeconds);
    }

    private WorkerBuild BuildOf(string[] names) => new()
    {
        ArtifactNames = names,
        SourceKind = _source.Kind,
        SourcePath = _source.Path,
        SourceFiles = [.. _source.Files],
        SourceSha256 = _source.Sha256,
        Calibration = _calibration,
    };

    private void Report(string name, bool cached, long start, long bytes, string? problem) =>
        _events.Report(
            new RunEvent.PreparationEnded(_model, name, cached, _environment.Clock.GetElapsedTime(start).TotalSeconds, bytes, problem));

    private string? LogPath(string name) => LogFolder is null
        ? null
        : Path.Combine(LogFolder,
            "prepare-"
                + string.Concat($"{_model}-{name}".Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '+' ? c : '_')) + ".log");
}

/// <summary>Hands progress on at once, on the caller's thread; <see cref="Progress{T}"/> would reorder it.</summary>
/// <typeparam name="T">What is reported.</typeparam>
/// <param name="report">Receives it.</param>
internal sealed class Forward<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
