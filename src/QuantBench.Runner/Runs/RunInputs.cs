using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Tasks;
using QuantBench.Models.Sources;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Events;
using QuantBench.Runner.Preparation;
using QuantBench.Runner.Tasks;
using QuantBench.Runner.Tokenizers;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Runs;

/// <summary>A model of a run, opened.</summary>
/// <param name="Id">Its id in the suite.</param>
/// <param name="Source">Its source; null when it is broken.</param>
/// <param name="Tokenizer">Its tokenizer; null when it can't be read.</param>
/// <param name="Problem">Why the source or the tokenizer isn't there.</param>
internal sealed record RunModel(string Id, ModelSource? Source, ModelTokenizer? Tokenizer, QuantBenchException? Problem)
{
    /// <summary>What is recorded of how the source came to be.</summary>
    public ImmutableSortedDictionary<string, string> Facts { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>Everything a run's cells are measured with: engines, models, texts; and the fingerprint they make.</summary>
internal sealed class RunInputs
{
    private readonly Dictionary<string, EngineProbe> _engines = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RunModel> _models = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DatasetText> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Text, string Tokenizer), string> _tokenPaths = [];
    private readonly Dictionary<(string Evaluated, string Calibrated), string?> _overlaps = [];
    private readonly Dictionary<string, TaskSet> _items = new(StringComparer.Ordinal);
    private readonly TokenCache _tokens;
    private readonly ItemCache _itemCache;

    private RunInputs(string cacheRoot, Fingerprint fingerprint) =>
        (_tokens, _itemCache, Fingerprint) = (new TokenCache(cacheRoot), new ItemCache(cacheRoot), fingerprint);

    /// <summary>The fingerprint, engines, datasets and models included.</summary>
    public Fingerprint Fingerprint { get; private set; }

    /// <summary>Gathers what a set of cells needs.</summary>
    /// <param name="environment">Where things lie.</param>
    /// <param name="suite">The suite.</param>
    /// <param name="cells">The cells.</param>
    /// <param name="bandwidth">The memory bandwidth that the run has measured before; null = measure it if a cell needs it.</param>
    /// <param name="events">Receives what happens.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">A model or text isn't there.</exception>
    public static async Task<RunInputs> GatherAsync(
        RunnerEnvironment environment, Suite suite, ImmutableArray<Cell> cells, MemoryBandwidth? bandwidth, IProgress<RunEvent> events,
        CancellationToken cancellationToken)
    {
        var inputs = new RunInputs(environment.CacheRoot, environment.ReadFingerprint());
        var prober = new EngineProber(environment);
        foreach (string engine in cells.Select(c => c.Backend.Engine).Concat(cells.Select(c => ReferenceNeed.BackendOf(c).Engine))
            .Distinct().Order(StringComparer.Ordinal))
            inputs._engines[engine] = await prober.ProbeAsync(engine, cancellationToken);
        foreach (SuiteModel model in suite.Models.Where(m => cells.Any(c => c.Model == m.Id)))
            inputs._models[model.Id] = await OpenAsync(environment, model, events, cancellationToken);

        var datasets = new DatasetCatalog(environment.DatasetsDirectory, environment.CacheRoot);
        foreach (string name in Texts(suite, cells))
            inputs._texts[name] = await datasets.ResolveAsync(name, DirectoryOf(suite), cancellationToken);

        foreach (Cell cell in cells.Where(NeedsItems).DistinctBy(TaskCatalog.KeyOf))
            inputs._items[TaskCatalog.KeyOf(cell)] = TaskCatalog.Resolve(cell.Settings, DirectoryOf(suite));

        if (cells.Any(c => !WorkloadTable.Of(c).RunsModel))
            bandwidth ??= await new BandwidthProber(environment).MeasureAsync(cancellationToken);
        inputs.Fingerprint = inputs.Fingerprint with
        {
            MemoryBandwidth = bandwidth,
            // filtered
            Engines = inputs._engines.Values.Where(e => e.Build is not null)
                .ToImmutableSortedDictionary(e => e.Name, e => e.Build!, StringComparer.Ordinal),
            // filtered
            Models = inputs._models.Values.Where(m => m.Source is not null)
                .ToImmutableSortedDictionary(m => m.Id, m => m.Source!.Sha256, StringComparer.Ordinal),
            Datasets = inputs._texts.ToImmutableSortedDictionary(t => t.Key, t => t.Value.Sha256, StringComparer.Ordinal),
        };
        return inputs;
    }

    /// <summary>Names of the texts that cells are measured on or quantized with, as the suite gives them.</summary>
    public static IEnumerable<string> Texts(Suite suite, ImmutableArray<Cell> cells) =>
        cells.Where(NeedsText).Select(c => c.Settings.Text("dataset"))
            .Concat(cells.Any(c => c.Variant.NeedsCalibrationText) ? [suite.Imatrix.Dataset] : [])
            .Distinct().Order(StringComparer.Ordinal);

    /// <summary>Where a suite's paths of texts start.</summary>
    public static string DirectoryOf(Suite suite) => Path.GetDirectoryName(suite.File) is { Length: > 0 } found ? found : ".";

    /// <summary>Whether a cell is measured on a text.</summary>
    public static bool NeedsText(Cell cell) => WorkloadTable.Of(cell).NeedsText;

    /// <summary>Whether a cell asks the items of a task.</summary>
    public static bool NeedsItems(Cell cell) => WorkloadTable.Of(cell).NeedsItems;

    /// <summary>A task's items as a worker is given them.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="tokenizer">The model's tokenizer; null = none is known.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">They can't be tokenized.</exception>
    public Task<WorkerItems> ItemsAsync(Cell cell, ModelTokenizer? tokenizer, CancellationToken cancellationToken) =>
        _itemCache.PathsOfAsync(Items(cell), tokenizer, cancellationToken);

    /// <summary>The items of a cell.</summary>
    public TaskSet Items(Cell cell) => _items[TaskCatalog.KeyOf(cell)];

    /// <summary>What the probe found of a backend's engine.</summary>
    public EngineProbe Engine(BackendId backend) => _engines[backend.Engine];

    /// <summary>A model by id.</summary>
    public RunModel Model(string id) => _models[id];

    /// <summary>A text by the name the suite gave it.</summary>
    public DatasetText Text(string name) => _texts[name];

    /// <summary>The mark of cells whose variant was calibrated on a text; null when the two texts have nothing in common.</summary>
    /// <param name="evaluated">Name of the text that they are evaluated on.</param>
    /// <param name="calibrated">Name of the other text.</param>
    public string? OverlapMark(string evaluated, string calibrated)
    {
        if (!_overlaps.TryGetValue((evaluated, calibrated), out string? mark))
            _overlaps[(evaluated, calibrated)] = mark = TextOverlap.MarkOf(_texts[evaluated], _texts[calibrated]);
        return mark;
    }

    /// <summary>Token file of a text for a model whose tokenizer could be read.</summary>
    /// <exception cref="QuantBenchException">The text can't be tokenized.</exception>
    public async Task<string> TokensPathAsync(string name, ModelTokenizer tokenizer, CancellationToken cancellationToken)
    {
        (string, string) key = (name, tokenizer.Sha256);
        if (!_tokenPaths.TryGetValue(key, out string? path))
            _tokenPaths[key] = path = await _tokens.PathOfAsync(_texts[name], tokenizer, cancellationToken);
        return path;
    }

    private static async Task<RunModel> OpenAsync(RunnerEnvironment environment, SuiteModel model, IProgress<RunEvent> events,
        CancellationToken cancellationToken)
    {
        if (model.IsServed) return new RunModel(model.Id, null, null, null);
        if (model.Olive is not { } recipe) return await OpenAsync(environment, model, cancellationToken);
        if (OliveStep.FindCommand() is not { } command)
            return new RunModel(model.Id, null, null, OliveStep.Missing);
        RunModel source = await OpenAsync(environment, model, cancellationToken);
        if (source.Source is not { } from) return source;
        string name = $"olive {recipe}";
        events.Report(new RunEvent.PreparationStarted(model.Id, name));
        try
        {
            OliveResult made =
                await new OliveStep(environment.CacheRoot, environment.Clock)
                    .RunAsync(command, recipe, from.Path, from.Sha256, cancellationToken);
            events.Report(new RunEvent.PreparationEnded(model.Id, name, false, made.Seconds, ArtifactContent.SizeOf(made.Directory), null));
            return await OpenAsync(environment, model with { Source = made.Directory }, cancellationToken) with
            {
                Facts = ImmutableSortedDictionary<string, string>.Empty
                    .Add("olive_command", made.Command).Add("olive_log", made.LogPath).Add("olive_output_sha256", made.OutputSha256)
                    .Add("olive_source_sha256", from.Sha256),
            };
        }
        catch (EngineException e)
        {
            events.Report(new RunEvent.PreparationEnded(model.Id, name, false, 0, 0, e.Explanation));
            return new RunModel(model.Id, null, null, e);
        }
    }

    private static async Task<RunModel> OpenAsync(RunnerEnvironment environment, SuiteModel model, CancellationToken cancellationToken)
    {
        ModelSource source;
        try
        {
            source = environment.OpenSource(model.Source);
        }
        catch (QuantBenchException e) when (e is ModelFormatException or UnsupportedException || Path.Exists(model.Source))
        {
            // That model's cells are failed or unsupported; the suite's other models go on. Only a path at which nothing lies ends the run.
            return new RunModel(model.Id, null, null, e);
        }

        try
        {
            return new RunModel(model.Id, source, await new TokenizerOpener(environment).OpenAsync(source, cancellationToken), null);
        }
        catch (QuantBenchException e)
        {
            return new RunModel(model.Id, source, null, e);
        }
    }
}
