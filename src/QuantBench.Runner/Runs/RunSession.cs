using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Evaluators;
using QuantBench.Results.Folders;
using QuantBench.Runner.Events;
using QuantBench.Runner.Preparation;
using QuantBench.Runner.Registry;
using QuantBench.Runner.Tokenizers;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>One execution of a run's cells: what was prepared for them, and how each is measured.</summary>
internal sealed class RunSession(RunnerEnvironment environment, Suite suite, RunInputs inputs, RunFolder folder, IProgress<RunEvent> events)
    : IAsyncDisposable
{
    private readonly Dictionary<string, string> _planProblems = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Model, string Variant), Prepared> _artifacts = [];
    private readonly Dictionary<string, Prepared> _references = new(StringComparer.Ordinal);
    private readonly ReferenceCache _referenceCache = new(environment.CacheRoot, environment.Clock);
    private readonly NoiseFloor _floor = new(environment);
    private readonly ArtifactCheck _check = new();
    private readonly CellRunner _cells = new(environment);
    private readonly ServerCells _servers = new(environment, suite, Path.Combine(folder.Path, RunFolder.LogsFolder), events);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Models.EndAsync();
        await _servers.DisposeAsync();
    }

    private ServedModels Models => field ??=
        new ServedModels(environment, suite, _servers, Path.Combine(folder.Path, RunFolder.LogsFolder), events);

    /// <summary>Prepares the artifacts of cells, so that no build runs between two measurements.</summary>
    public async Task PrepareAsync(ImmutableArray<Cell> cells, CancellationToken cancellationToken)
    {
        foreach (IGrouping<string, Cell> model in cells.Where(c => NeedsArtifact(c) && Refusal(c) is null)
            .GroupBy(c => c.Model))
        {
            string[] names = [.. model.SelectMany(VariantsOf).Distinct()];
            ArtifactPreparer preparer;
            try
            {
                preparer = await PreparerAsync(model.Key, names, cancellationToken);
            }
            catch (EngineException e)
            {
                _planProblems[model.Key] = e.Explanation;
                continue;
            }

            if (await preparer.PlanAsync(names, cancellationToken) is { } failed)
            {
                _planProblems[model.Key] = QuantBenchException.Explain(failed.Reason, failed.Hint);
                continue;
            }

            foreach (string name in names) _artifacts[(model.Key, name)] = await preparer.PrepareAsync(name, cancellationToken);
        }
    }

    /// <summary>Measures a cell in one worker process, which makes its share of the cell's repetitions, or says why it can't be.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="launch">Number of the process, from 1.</param>
    /// <param name="others">Cells that can be measured in the same pass (<see cref="SharedPass"/>).</param>
    /// <param name="progress">Receives what the worker tells.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>The cell's result, and those of the others that were measured with it.</returns>
    public async Task<ImmutableArray<CellResult>> MeasureAsync(Cell cell, int launch, IEnumerable<Cell> others,
        IProgress<EvaluationProgress> progress, CancellationToken cancellationToken)
    {
        if (Refusal(cell) is { } refusal) return [Without(cell, refusal.Status, refusal.Reason)];
        if (!NeedsArtifact(cell)) return [await MeasureWithoutArtifactAsync(cell, launch, progress, cancellationToken)];
        Prepared artifact = Artifact(cell.Model, cell.Variant.Id);
        if (artifact.Entry is not { } entry) return [Without(cell, artifact.Status, artifact.Reason ?? "its artifact isn't there")];

        if (await _check.FaultAsync(entry, artifact.Path, cancellationToken) is { } fault)
            return [Without(cell, CellStatus.Failed, Changed(entry, fault))];
        MarkUsed(entry);
        RunModel model = inputs.Model(cell.Model);
        var provenance = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        provenance["model_sha256"] = entry.SourceSha256;
        provenance["artifact_sha256"] = entry.Sha256;
        provenance["artifact_recipe"] = entry.Key;
        provenance["artifact_builder"] = $"{entry.Recipe.Builder} ({entry.Recipe.BuilderBuild})";
        provenance["quantbench"] = inputs.Fingerprint.QuantBench;
        foreach ((string key, string value) in model.Facts) provenance[key] = value;
        WorkerText? text = null;
        if (RunInputs.NeedsText(cell))
        {
            string dataset = cell.Settings.Text("dataset");
            // Refusal has checked that the tokenizer is there.
            try
            {
                text = new WorkerText(dataset, await inputs.TokensPathAsync(dataset, model.Tokenizer!, cancellationToken));
            }
            catch (QuantBenchException e) when (e is EngineException or UnsupportedException)
            {
                var without = Prepared.Not(e);
                return [Without(cell, without.Status, without.Reason ?? e.Message)];
            }

            provenance["dataset_sha256"] = inputs.Text(dataset).Sha256;
            provenance["tokenizer_sha256"] = model.Tokenizer!.Sha256;
        }

        WorkerItems? items = null;
        if (RunInputs.NeedsItems(cell))
        {
            try
            {
                items = await inputs.ItemsAsync(cell, model.Tokenizer, cancellationToken);
            }
            catch (QuantBenchException e) when (e is EngineException or UnsupportedException)
            {
                var without = Prepared.Not(e);
                return [Without(cell, without.Status, without.Reason ?? e.Message)];
            }
        }

        (CellPart? part, CellResult? missing) = await PartAsync(cell, text, items, provenance.ToImmutable(), cancellationToken);
        if (part is null) return [missing!];
        var together = ImmutableArray.CreateBuilder<CellPart>();
        foreach (Cell other in others)
        {
            // One whose reference isn't there says so in its own turn.
            if ((await PartAsync(other, text, null, provenance.ToImmutable(), cancellationToken)).Part is { } also) together.Add(also);
        }

        var job = new CellJob(cell, entry.ToArtifact(artifact.Path), text, part.ReferencePath, part.Provenance)
        {
            Items = items,
            OutputFolder = folder.FilesPath(cell.Id),
            Launches = LaunchPlan.Launches(cell),
            Launch = launch,
            Others = together.ToImmutable(),
        };
        ImmutableArray<CellResult> results = await RunAsync(job, progress, cancellationToken);
        string? overlap = text is not null && cell.Variant.NeedsCalibrationText
            ? inputs.OverlapMark(text.Dataset, suite.Imatrix.Dataset) : null;
        return [.. results.Select(result => result.Reason is not { } reason ? Marked(result, overlap) : result with
        {
            Reason = UsersPath.In(reason, artifact.Path, entry.SourcePath, entry.ArtifactName, entry.Recipe.Builder),
        })];

        static CellResult Marked(CellResult result, string? mark) =>
            mark is null ? result : result with { Notes = [.. result.Notes ?? [], mark] };
    }

    /// <summary>A cell with its reference, if it compares with one.</summary>
    private async Task<(CellPart? Part, CellResult? Missing)> PartAsync(Cell cell, WorkerText? text, WorkerItems? items,
        ImmutableSortedDictionary<string, string> provenance, CancellationToken cancellationToken)
    {
        if (ReferenceVariant(cell) is not { } reference) return (new CellPart(cell, null, provenance), null);
        Prepared made = await ReferenceAsync(cell, reference, text, items, cancellationToken);
        if (made.Status != CellStatus.Ok) return (null, Without(cell, made.Status, made.Reason ?? "its reference isn't there"));
        return (new CellPart(cell, made.Path,
            provenance.SetItem("reference_artifact_sha256", Artifact(cell.Model, reference.Id).Entry?.Sha256 ?? "")), null);
    }

    private static bool NeedsArtifact(Cell cell) => WorkloadTable.Of(cell).RunsModel && !cell.Variant.IsServed;

    private async Task<CellResult> MeasureWithoutArtifactAsync(Cell cell, int launch, IProgress<EvaluationProgress> progress,
        CancellationToken cancellationToken)
    {
        if (cell.Variant.IsServed && await Models.FaultAsync(cell, cancellationToken) is { } fault)
            return Without(cell, fault.Status, fault.Reason ?? "its server doesn't have it");
        WorkerItems? items = RunInputs.NeedsItems(cell) ? await inputs.ItemsAsync(cell, null, cancellationToken) : null;
        Prepared? made = ReferenceVariant(cell) is { } reference
            ? await ServedReferenceAsync(cell, reference, items, cancellationToken) : null;
        if (made is { } one && one.Status != CellStatus.Ok) return Without(cell, one.Status, one.Reason ?? "its reference isn't there");
        var job = new CellJob(cell, null, null, made?.Path,
            ImmutableSortedDictionary<string, string>.Empty.Add("quantbench", inputs.Fingerprint.QuantBench))
        {
            Items = items,
            MemoryBandwidth = inputs.Fingerprint.MemoryBandwidth?.BestBytesPerSecond,
            OutputFolder = cell.Variant.IsServed ? folder.FilesPath(cell.Id) : null,
            Launches = LaunchPlan.Launches(cell),
            Launch = launch,
        };
        return (await RunAsync(job, progress, cancellationToken))[0];
    }

    private async Task<ImmutableArray<CellResult>> RunAsync(CellJob job, IProgress<EvaluationProgress> progress,
        CancellationToken cancellationToken)
    {
        ImmutableArray<CellResult> measured = [];
        CellResult first = await _servers.RunAsync(job, MeasureAsync, cancellationToken);
        return measured.IsEmpty ? [first] : measured.SetItem(0, first);

        async Task<CellResult> MeasureAsync(CellJob served, CancellationToken stop)
        {
            measured = await _cells.RunAsync(served, Limits, folder.LogPath(job.Cell.Id), progress, stop);
            return measured[0];
        }
    }

    private WorkerLimits Limits => new(suite.Limits.CellTimeout, suite.Limits.CellMemoryBytes);

    private static IEnumerable<string> VariantsOf(Cell cell) =>
        ReferenceVariant(cell) is { IsServed: false } reference ? [cell.Variant.Id, reference.Id] : [cell.Variant.Id];

    private static bool NeedsCalibration(Cell cell) => VariantsOf(cell).Any(v => Variant.Parse(v).NeedsCalibrationText);

    private static Variant? ReferenceVariant(Cell cell) =>
        cell.Settings.Has("reference") && cell.Settings.Text("reference").Length > 0
            && Variant.TryParse(cell.Settings.Text("reference"), out Variant? variant) ? variant : null;

    private static CellResult StatusOnly(Cell cell, CellStatus status, string reason, DateTimeOffset now) => new()
    {
        Cell = cell,
        Status = status,
        Reason = reason,
        Failure = status == CellStatus.Failed ? FailureKind.Preparation : null,
        Started = now,
    };

    private CellResult Without(Cell cell, CellStatus status, string reason) =>
        StatusOnly(cell, status, reason, environment.Clock.GetUtcNow());

    // Only an engine's answer makes a cell unsupported; without one it is failed, and measured again when failed cells are.
    private (CellStatus Status, string Reason)? Unusable(BackendId backend)
    {
        EngineProbe engine = inputs.Engine(backend);
        return engine.CanUse(backend.Device).Reason is { } reason
            ? (engine.NoAnswer ? CellStatus.Failed : CellStatus.Unsupported, reason) : null;
    }

    /// <summary>Why a cell can't be measured, as far as that shows without its artifact.</summary>
    private (CellStatus Status, string Reason)? Refusal(Cell cell)
    {
        if (Unusable(cell.Backend) is { } unusable) return unusable;
        if (!WorkloadTable.Of(cell).RunsModel) return null;
        if (cell.Variant.IsServed && RunInputs.NeedsText(cell))
            return (CellStatus.Unsupported, $"{cell.Variant}: no file here says how its text is tokenized, which {cell.Workload} needs");
        if (cell.Variant.IsServed) return null;
        RunModel model = inputs.Model(cell.Model);
        if (model.Problem is { } why && (model.Source is null || RunInputs.NeedsText(cell) || NeedsCalibration(cell)))
        {
            var without = Prepared.Not(why);
            return (without.Status, without.Reason ?? why.Message);
        }

        return _planProblems.TryGetValue(cell.Model, out string? problem) ? (CellStatus.Failed, problem) : null;
    }

    private Prepared Artifact(string model, string variant) =>
        _artifacts.TryGetValue((model, variant), out Prepared? prepared) ? prepared
            : Prepared.Not(CellStatus.Failed, $"{variant} wasn't prepared");

    private async Task<ArtifactPreparer> PreparerAsync(string modelId, string[] names, CancellationToken cancellationToken)
    {
        RunModel model = inputs.Model(modelId);
        CalibrationText? calibration = null;
        if (names.Any(n => Variant.Parse(n).NeedsCalibrationText) && model.Tokenizer is { } tokenizer)
        {
            calibration = new CalibrationText(
                await inputs.TokensPathAsync(suite.Imatrix.Dataset, tokenizer, cancellationToken),
                inputs.Text(suite.Imatrix.Dataset).Sha256, suite.Imatrix.Chunks, suite.Imatrix.ContextLength);
        }

        return new ArtifactPreparer(environment, modelId, model.Source!, calibration, events) // Refusal has checked the source
        {
            Timeout = suite.Limits.PrepareTimeout,
            Threads = inputs.Fingerprint.LogicalCores,
            LogFolder = Path.Combine(folder.Path, RunFolder.LogsFolder),
            Check = _check,
        };
    }

    private static string Changed(RegistryEntry entry, string fault) =>
        $"the artifact {entry.ArtifactName} changed while the run was under way: {fault}. Start the run again; the artifact is then "
            + "made anew";

    private void MarkUsed(RegistryEntry entry) => new ModelRegistry(environment.CacheRoot, environment.Clock).MarkUsed(entry.Key);

    private async Task<Prepared> ReferenceAsync(Cell cell, Variant reference, WorkerText? text, WorkerItems? items,
        CancellationToken cancellationToken)
    {
        if (reference.IsServed)
            return Prepared.Not(CellStatus.Unsupported, $"its reference {reference} is a server's model, which the variant isn't");
        Prepared artifact = Artifact(cell.Model, reference.Id);
        if (artifact.Entry is not { } entry) return Prepared.Not(artifact.Status, $"its reference {reference.Id}: {artifact.Reason}");
        BackendId backend = ReferenceNeed.BackendOf(cell);
        if (Unusable(backend) is { } unusable)
            return Prepared.Not(unusable.Status, $"its reference can't be run on {backend}: {unusable.Reason}");
        // Refusal has checked the tokenizer of cells that are measured on a text.
        string[] measuredOn = RunInputs.NeedsText(cell)
            ? [inputs.Text(cell.Settings.Text("dataset")).Sha256, .. CutOf(inputs.Model(cell.Model).Tokenizer!)]
            : RunInputs.NeedsItems(cell) ? [inputs.Items(cell).Sha256, inputs.Model(cell.Model).Tokenizer?.Sha256 ?? ""] : [cell.Workload];
        string key = ReferenceCache.Key(
            [entry.Sha256, inputs.Engine(backend).Build ?? "", backend.ToString(), .. measuredOn,
                ReferenceNeed.SettingsOf(cell).ToString()]);
        if (_references.TryGetValue(key, out Prepared? before)) return before;
        if (await _check.FaultAsync(entry, artifact.Path, cancellationToken) is { } fault)
            return Prepared.Not(CellStatus.Failed, $"its reference: {Changed(entry, fault)}");
        Prepared made = await ComputeReferenceAsync(cell, reference, entry, artifact.Path, text, items, key, cancellationToken);
        _references[key] = made;
        return made;
    }

    /// <summary>The tokenizer, and with it the rule by which a text is cut: it isn't the one of older files where BOS is added.</summary>
    private static string[] CutOf(ModelTokenizer tokenizer) =>
        tokenizer.BosToken is null ? [tokenizer.Sha256] : [tokenizer.Sha256, "bos before the text"];

    // A model of a server, whose answers hold for this run alone: nothing says that the server gives the same ones tomorrow.
    private async Task<Prepared> ServedReferenceAsync(Cell cell, Variant reference, WorkerItems? items, CancellationToken cancellationToken)
    {
        if (!reference.IsServed)
        {
            return Prepared.Not(CellStatus.Unsupported,
                $"its reference {reference} is made from a model's files, and {cell.Model} is a server's model; name a variant "
                    + "served:NAME");
        }

        BackendId backend = ReferenceNeed.BackendOf(cell);
        if (Unusable(backend) is { } unusable)
            return Prepared.Not(unusable.Status, $"its reference can't be run on {backend}: {unusable.Reason}");
        string key = ReferenceCache.Key(
            [folder.Info.Id, reference.Id, backend.ToString(), inputs.Items(cell).Sha256, ReferenceNeed.SettingsOf(cell).ToString()]);
        if (_references.TryGetValue(key, out Prepared? before)) return before;
        var asked = new Cell(cell.Model, reference, backend, cell.Workload, ReferenceNeed.RunSettingsOf(cell));
        if (await Models.FaultAsync(asked, cancellationToken) is { } fault) return _references[key] = fault;
        var job = new CellJob(asked, null, null, null, ImmutableSortedDictionary<string, string>.Empty) { Items = items };
        return _references[key] = await ComputeReferenceAsync(job, key, $"{reference.Id} answers on {backend}", null, cancellationToken);
    }

    private Task<Prepared> ComputeReferenceAsync(
        Cell cell, Variant reference, RegistryEntry entry, string artifactPath, WorkerText? text, WorkerItems? items, string key,
        CancellationToken cancellationToken)
    {
        BackendId backend = ReferenceNeed.BackendOf(cell);
        string what = RunInputs.NeedsText(cell) ? "log-probabilities" : items is null ? "outputs" : "answers";
        var job = new CellJob(new Cell(cell.Model, reference, backend, cell.Workload, ReferenceNeed.RunSettingsOf(cell)),
            entry.ToArtifact(artifactPath), text, null, ImmutableSortedDictionary<string, string>.Empty)
        { Items = items };
        return ComputeReferenceAsync(job, key, $"{reference.Id} {what} on {backend}", entry, cancellationToken);
    }

    private async Task<Prepared> ComputeReferenceAsync(CellJob reference, string key, string name, RegistryEntry? entry,
        CancellationToken cancellationToken)
    {
        string model = reference.Cell.Model;
        long start = environment.Clock.GetTimestamp();
        bool cached = _referenceCache.Find(key) is not null;
        if (!cached) events.Report(new RunEvent.PreparationStarted(model, name));
        Prepared made;
        try
        {
            string path = await _referenceCache.GetOrComputeAsync(key, ComputeAsync, cancellationToken);
            made = entry is null ? Prepared.Ready(path) : Prepared.Ready(entry, path);
            if (reference is { Text: { } text, Artifact: { } artifact } && _floor.IsMissing(path))
            {
                await _floor.MeasureAsync(reference.Cell, WorkerArtifact.Of(artifact), text, path,
                    Path.Combine(folder.Path, RunFolder.LogsFolder, $"floor-{key}.log"), cancellationToken);
            }
        }
        catch (QuantBenchException e) when (e is EngineException or UnsupportedException)
        {
            made = Prepared.Not(e);
        }

        events.Report(new RunEvent.PreparationEnded(
            model, name, cached, environment.Clock.GetElapsedTime(start).TotalSeconds,
            made.Path.Length > 0 ? new FileInfo(made.Path).Length : 0, made.Reason));
        return made;

        async Task ComputeAsync(string path, CancellationToken stop)
        {
            // Answers of a server that the suite declares need it running, with the reference in it.
            if (reference.Items is null || reference.Cell.Backend.Server is not { IsDeclared: true })
            {
                WorkerOutcome outcome = await WorkAsync(reference, path, stop);
                stop.ThrowIfCancellationRequested();
                _ = outcome.ResultOf(name);
                return;
            }

            CellResult ended = await _servers.RunAsync(reference, async (served, cancel) =>
                (await WorkAsync(served, path, cancel)).Match(
                    finished: f => new CellResult
                    {
                        Cell = served.Cell,
                        Status = f.Value.Unsupported is null ? CellStatus.Ok : CellStatus.Unsupported,
                        Reason = f.Value.Unsupported,
                    },
                    failed: f => new CellResult
                    {
                        Cell = served.Cell,
                        Status = CellStatus.Failed,
                        Failure = f.Kind,
                        Reason = QuantBenchException.Explain(f.Reason, f.Hint),
                    },
                    cancelled: () => new CellResult { Cell = served.Cell, Status = CellStatus.Cancelled, Reason = "stopped" }), stop);
            stop.ThrowIfCancellationRequested();
            if (ended.Status == CellStatus.Unsupported) throw new UnsupportedException(null, ended.Reason ?? name);
            if (ended.Status != CellStatus.Ok) throw new EngineException($"{name}: {ended.Reason}");
        }

        async Task<WorkerOutcome> WorkAsync(CellJob served, string path, CancellationToken stop)
        {
            WorkerJob job = environment.NewJob(WorkerJobKind.Reference, served.Cell.Backend.Engine) with
            {
                Cell = WorkerCell.Of(served.Cell),
                Artifact = served.Artifact is { } artifact ? WorkerArtifact.Of(artifact) : null,
                Text = served.Text,
                Items = served.Items,
                ReferencePath = path,
                ServerDevice = served.ServerDevice,
            };
            var progress = new Forward<EvaluationProgress>(p => events.Report(new RunEvent.PreparationProgress(model, name, p)));
            string log = Path.Combine(folder.Path, RunFolder.LogsFolder, $"reference-{key}.log");
            return await new WorkerProcess(environment.Worker, environment.Clock).RunAsync(job, Limits, log, progress, stop);
        }
    }
}
