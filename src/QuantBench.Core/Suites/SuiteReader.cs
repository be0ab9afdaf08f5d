using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>Turns the nodes of a suite into a <see cref="Suite"/>, or throws what is wrong: every fault that can be told by
/// itself.</summary>
/// <param name="root">The suite's nodes.</param>
/// <param name="file">Its path, for errors.</param>
/// <param name="text">Its text, for the record.</param>
/// <param name="directory">Where its relative paths start.</param>
/// <param name="engines">What is known of the engines.</param>
internal sealed class SuiteReader(SuiteMap root, string file, string text, string directory, EngineCatalog engines)
{
    /// <summary>Top-level keys with what they hold, in the order docs list them.</summary>
    public static readonly ImmutableArray<(string Key, string Description)> Keys =
    [
        ("suite", "the suite's name: lower-case letters, digits and dashes"),
        ("extends", "path of a suite to build on: maps merge, lists and scalars replace, null removes"),
        ("description", "one or more sentences for people"),
        ("models", "the models to sweep: Hugging Face directories, GGUF files or ONNX models; not needed when no workload runs a model"),
        ("variants",
            "format and quant scheme of each artifact, e.g. gguf:Q4_K_M or gguf:IQ2_XS+imatrix; block types such as ggml:Q4_0 for kernel"),
        ("backends", $"engine/device pairs, e.g. {EngineCatalog.BackendMark}"),
        ("servers", "servers that the run starts by itself, one at a time, and stops when the next cell needs another"),
        ("settings", "settings for every workload they apply to; a workload's own come first"),
        ("workloads", "what is measured; a setting given as a list makes one workload per value"),
        ("include", "when given: only cells that one of these rules matches are kept"),
        ("exclude", "cells that one of these rules matches are dropped"),
        ("limits", "limits of each cell"),
        ("imatrix", "how importance matrices are computed, for variants with +imatrix"),
        ("interleave", "whether timing cells are measured round-robin over variants, so that a drifting machine moves all of them"),
        ("tags", "free labels copied to the run"),
        ("schedule", "when the suite runs by itself under 'quantbench serve'"),
        ("placement", "which machines of a lab run the suite, and what happens when one falls silent"),
        ("gates", "rules the run must keep; 'quantbench gate RUN' judges them"),
    ];

    /// <summary>Keys of a rule.</summary>
    public static readonly ImmutableArray<string> RuleKeys = ["model", "variant", "backend", "workload"];

    private const int MostItems = 1000;
    private const int LongestName = 64;

    /// <summary>What a model's <c>after</c> may be, as <see cref="ServedAfter"/> has them.</summary>
    public static readonly ImmutableArray<string> AfterWords = ["keep", "unload", "delete"];
    private const int LongestBackend = 600;
    private const int LongestRecipe = 4096;

    private readonly WorkloadReader _reader = new(engines);
    private readonly SuiteFaults _faults = new();
    private readonly List<SuiteModel> _models = [];
    private readonly List<Variant> _variants = [];
    private readonly List<SuiteNode> _variantNodes = [];
    private readonly List<BackendId> _backends = [];
    private readonly List<SuiteNode> _backendNodes = [];
    private readonly List<(SuiteMap Node, CellRule Rule)> _include = [];
    private readonly List<(SuiteMap Node, CellRule Rule)> _exclude = [];
    private readonly List<WorkloadReader.Spec> _workloadSpecs = [];
    private readonly List<(SuiteNode Node, SuiteWorkload Workload)> _workloads = [];
    private readonly List<string> _tags = [];
    private ImmutableArray<SuiteServer> _servers = [];
    private ImmutableArray<GivenSetting> _settings = [];
    private string? _name;
    private string _description = "";
    private SuiteLimits _limits = new();
    private ImatrixOptions _imatrix = new();
    private SuiteNode? _imatrixDataset;
    private bool _interleave;
    private SuiteSchedule? _schedule;
    private SuitePlacement? _placement;
    private ImmutableArray<GateRule> _gates = [];

    public Suite Read()
    {
        foreach ((SuiteScalar key, SuiteNode value) in root.Entries) _faults.Gather(() => ReadKey(key, value));
        _faults.Throw(); // what was read in part would make faults that aren't there
        Require(_name is not null, "suite", "e.g. suite: my-sweep");
        Require(_models.Count > 0 || (_workloadSpecs.Count > 0 && _workloadSpecs.All(s => !WorkloadTable.Of(s.Name).RunsModel)), "models",
            "e.g. models: [{ id: reference, source: ../datasets/reference-model }]");
        Require(_variants.Count > 0, "variants", "e.g. variants: [gguf:F16, gguf:Q4_K_M]");
        Require(_backends.Count > 0, "backends", $"e.g. backends: [{engines.Example}]");
        Require(_workloadSpecs.Count > 0, "workloads", "e.g. workloads: [perplexity, latency]");
        foreach (WorkloadReader.Spec spec in _workloadSpecs) _faults.Gather(() => AddWorkloads(spec));
        _faults.Throw();
        var suite = new Suite
        {
            Name = _name!, // required above
            Description = _description,
            File = file,
            Text = text,
            Models = [.. _models],
            Variants = [.. _variants],
            Backends = [.. _backends],
            Servers = _servers,
            Workloads = [.. _workloads.Select(w => w.Workload)],
            Include = [.. _include.Select(r => r.Rule)],
            Exclude = [.. _exclude.Select(r => r.Rule)],
            Limits = _limits,
            Imatrix = _imatrix,
            Interleave = _interleave,
            Tags = [.. _tags],
            Schedule = _schedule,
            Placement = _placement,
            Gates = _gates,
        };
        var places = new SuitePlaces(
            root, [.. _variantNodes], [.. _workloads.Select(w => w.Node)], [.. _include.Select(r => r.Node)],
            [.. _exclude.Select(r => r.Node)], _imatrixDataset)
        { Backends = [.. _backendNodes] };
        new SuiteChecks(suite, places, engines).Run();
        return suite;
    }

    private void ReadKey(SuiteScalar key, SuiteNode value)
    {
        switch (key.Value)
        {
            case "suite": _name = ReadName(value); break;
            case "description": _description = Value.Text(value, "description", 10_000); break;
            case "models": ReadModels(value); break;
            case "variants": ReadVariants(value); break;
            case "backends": ReadBackends(value); break;
            case "servers": _servers = ServerReader.Read(value); break;
            case "settings": _settings = _reader.Settings(Value.Map(value, "settings"), null); break;
            case "workloads": ReadWorkloads(value); break;
            case "include": ReadRules(value, "include", _include); break;
            case "exclude": ReadRules(value, "exclude", _exclude); break;
            case "limits": ReadLimits(Value.Map(value, "limits")); break;
            case "imatrix": ReadImatrix(Value.Map(value, "imatrix")); break;
            case "interleave": _interleave = Value.Flag(value, "interleave"); break;
            case "tags": ReadTags(value); break;
            case "schedule": _schedule = ReadSchedule(Value.Map(value, "schedule")); break;
            case "placement": _placement = PlacementReader.Read(Value.Map(value, "placement")); break;
            case "gates": _gates = GateReader.Read(value, engines); break;
            default: throw Value.UnknownKey(key, Keys.Select(k => k.Key), "keys");
        }
    }

    private void ReadWorkloads(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "workloads", MostItems)) _faults.Gather(() => _workloadSpecs.Add(_reader.Read(item)));
    }

    private static SuiteSchedule ReadSchedule(SuiteMap map)
    {
        string? cron = null;
        string? zone = null;
        CatchUp catchUp = CatchUp.Last;
        int confirm = SuiteSchedule.DefaultConfirm;
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            switch (key.Value)
            {
                case "cron": cron = Value.Text(value, "cron", LongestName); break;
                case "zone": zone = Value.Text(value, "zone", LongestName); break;
                case "catch_up":
                    string word = Value.Text(value, "catch_up", LongestName);
                    if (!Enum.TryParse(word, ignoreCase: true, out catchUp) || int.TryParse(word, out _))
                        throw value.Error($"'catch_up' can't be '{word}'",
                            "last: the most recent missed time runs; skip: none; all: every one");
                    break;
                case "confirm":
                    string count = Value.Text(value, "confirm", LongestName);
                    if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out confirm)
                        || confirm > SuiteSchedule.MostConfirm)
                        throw value.Error($"'confirm' can't be '{count}'",
                            $"how often what looks worse is measured again: 0 to {SuiteSchedule.MostConfirm}");
                    break;
                default: throw Value.UnknownKey(key, ["cron", "zone", "catch_up", "confirm"], "keys of a schedule");
            }
        }

        if (cron is null) throw map.Error("the schedule has no 'cron'", "e.g. schedule: { cron: 30 2 * * *, zone: Europe/Berlin }");
        return CronTimes.TryParse(cron, zone, out CronTimes? times, out string? problem)
            ? new SuiteSchedule(times, catchUp, confirm)
            : throw (map.Find(problem.Contains("time zone", StringComparison.Ordinal) ? "zone" : "cron") ?? map)
                .Error(problem, "five fields: minute hour day month weekday, e.g. 30 2 * * *");
    }

    private void Require(bool given, string key, string example)
    {
        if (!given) throw root.Error($"the suite has no '{key}'", example);
    }

    private static string ReadName(SuiteNode node)
    {
        string name = Value.Text(node, "suite", LongestName);
        if (!name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || name.StartsWith('-'))
        {
            throw node.Error($"the suite's name '{name}' has other characters than lower-case letters, digits and dashes",
                "it becomes part of folder names");
        }

        return name;
    }

    private void ReadModels(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "models", MostItems)) _faults.Gather(() => ReadModel(item));
    }

    private void ReadModel(SuiteNode item)
    {
        string? id = null;
        string? source = null;
        string? olive = null;
        (bool pull, ServedAfter after) = (false, ServedAfter.Keep);
        SuiteScalar? ofServers = null;
        SuiteMap map = Value.Map(item, "a model");
        foreach ((SuiteScalar key, SuiteNode part) in map.Entries)
        {
            switch (key.Value)
            {
                case "id": id = ReadModelId(part); break;
                case "source": source = ReadSource(part); break;
                case "olive": olive = Value.Text(part, "olive", LongestRecipe); break;
                case "pull": (pull, ofServers) = (Value.Flag(part, "pull"), key); break;
                case "after": (after, ofServers) = (ReadAfter(part), key); break;
                default: throw Value.UnknownKey(key, ["id", "source", "olive", "pull", "after"], "keys of a model");
            }
        }

        const string Example = "e.g. { id: reference, source: ../datasets/reference-model }";
        if (id is null) throw map.Error("the model has no 'id'", Example);
        if (source is null) throw map.Error($"the model '{id}' has no 'source'", Example);
        if (ofServers is not null && source != SuiteModel.ServedSource)
        {
            throw ofServers.Error($"'{ofServers.Value}' is for models that servers have, and '{id}' is {source}",
                $"leave it out, or write source: {SuiteModel.ServedSource}");
        }

        _models.Add(new SuiteModel(id, source) { Olive = olive, Pull = pull, After = after });
    }

    private static ServedAfter ReadAfter(SuiteNode node)
    {
        string text = Value.Text(node, "after", LongestName);
        return AfterWords.IndexOf(text) is var at and >= 0 ? (ServedAfter)at
            : throw node.Error($"'after' can't be '{text}'", $"write {string.Join(", ", AfterWords)}");
    }

    private string ReadModelId(SuiteNode node)
    {
        string id = Value.Text(node, "id", LongestName);
        if (!id.All(IsNameCharacter) || id.StartsWith('.'))
            throw node.Error($"the model id '{id}' has other characters than letters, digits, '.', '_' and '-'",
                "it becomes part of file names");
        if (_models.Any(m => m.Id == id))
            throw node.Error($"the model id '{id}' is used twice", "results are told apart by it; choose another");
        return id;
    }

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';

    private string ReadSource(SuiteNode node)
    {
        string source = Value.Text(node, "source", 4096);
        if (source == SuiteModel.ServedSource || SuiteModel.IsShape(source)) return source;
        return Path.GetFullPath(Path.Combine(Path.GetFullPath(directory.Length == 0 ? "." : directory), source));
    }

    private void ReadVariants(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "variants", MostItems)) _faults.Gather(() => ReadVariant(item));
    }

    private void ReadVariant(SuiteNode item)
    {
        Variant variant = Value.Variant(item, "a variant");
        if (_variants.Contains(variant)) throw item.Error($"the variant {variant} is listed twice", "remove one of them");
        _variants.Add(variant);
        _variantNodes.Add(item);
    }

    private void ReadBackends(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "backends", MostItems)) _faults.Gather(() => ReadBackend(item));
    }

    private void ReadBackend(SuiteNode item)
    {
        string id = Value.Text(item, "a backend", LongestBackend);
        // Quoted without what stands before the address: that may be a secret.
        if (id.Contains('@', StringComparison.Ordinal) && !BackendId.TryParse(id, out _))
        {
            throw item.Error("the backend isn't protocol@url",
                "write e.g. NAME/openai@http://localhost:8080; keys and passwords don't go into an address");
        }

        if (!BackendId.TryParse(id, out BackendId backend) || (backend.Server is null
            && !id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '/' or ':' or '.' or '_' or '-')))
            throw item.Error($"'{id}' isn't a backend", $"a backend is engine/device in lower case, e.g. {engines.Example}");
        if (_backends.Contains(backend)) throw item.Error($"the backend {backend} is listed twice", "remove one of them");
        if (!engines.Engines.IsEmpty && engines.Find(backend.Engine) is null)
            throw item.Error($"there is no engine '{backend.Engine}'",
                DidYouMean.Hint(backend.Engine, engines.Engines.Select(e => e.Name), "engines"));
        _backends.Add(backend);
        _backendNodes.Add(item);
    }

    private static void ReadRules(SuiteNode value, string what, List<(SuiteMap, CellRule)> rules)
    {
        // An empty list is allowed: it clears the rules of a base suite.
        foreach (SuiteNode item in Value.Items(value, what, 200, mayBeEmpty: true))
        {
            SuiteMap map = Value.Map(item, "a rule");
            if (map.Entries.IsEmpty)
                throw map.Error("the rule is empty and would match every cell", $"give one or more of {string.Join(", ", RuleKeys)}");
            foreach ((SuiteScalar key, SuiteNode part) in map.Entries)
            {
                if (!RuleKeys.Contains(key.Value)) throw Value.UnknownKey(key, RuleKeys, "keys of a rule");
                _ = Value.Text(part, key.Value, 256);
            }

            rules.Add((map, new CellRule(Part("model"), Part("variant"), Part("backend"), Part("workload"))));
            string? Part(string key) => (map.Find(key) as SuiteScalar)?.Value;
        }
    }

    private void ReadLimits(SuiteMap map)
    {
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            _limits = key.Value switch
            {
                "cell_timeout" => _limits with { CellTimeout = Value.Duration(value, key.Value) },
                "cell_memory" => _limits with { CellMemoryBytes = Value.Size(value, key.Value) },
                "prepare_timeout" => _limits with { PrepareTimeout = Value.Duration(value, key.Value) },
                "quiet" => _limits with { Quiet = Value.Duration(value, key.Value) },
                _ => throw Value.UnknownKey(key, ["cell_timeout", "cell_memory", "prepare_timeout", "quiet"], "limits"),
            };
        }
    }

    private void ReadImatrix(SuiteMap map)
    {
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            switch (key.Value)
            {
                case "dataset":
                    _imatrix = _imatrix with { Dataset = (string)Value.Setting(value, SettingTable.Get("dataset")) };
                    _imatrixDataset = value;
                    break;
                case "chunks": _imatrix = _imatrix with { Chunks = (int)(long)Value.Setting(value, SettingTable.Get("chunks")) }; break;
                case "n_ctx":
                    _imatrix = _imatrix with { ContextLength = (int)(long)Value.Setting(value, SettingTable.Get("n_ctx")) };
                    break;
                default: throw Value.UnknownKey(key, ["dataset", "chunks", "n_ctx"], "keys of imatrix");
            }
        }
    }

    private void ReadTags(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "tags", 100, mayBeEmpty: true))
        {
            string tag = Value.Text(item, "a tag", LongestName);
            if (!tag.All(c => IsNameCharacter(c) || c is ':' or '='))
                throw item.Error($"the tag '{tag}' has other characters than letters, digits, '.', '_', '-', ':' and '='");
            if (!_tags.Contains(tag)) _tags.Add(tag);
        }
    }

    private void AddWorkloads(WorkloadReader.Spec spec)
    {
        if (spec.Model is { } model && !_models.Any(m => CellRule.MatchesText(model.Pattern, m.Id)))
            throw model.Node.Error($"no model of the suite fits '{model.Pattern}'",
                DidYouMean.Hint(model.Pattern, _models.Select(m => m.Id), "models of the suite"));
        foreach (CellSettings settings in _reader.Spread(spec, _settings))
        {
            if (_workloads.Count >= MostItems)
                throw spec.Node.Error($"lists of settings make more than {MostItems} workloads", "measure fewer values at once");
            var workload = new SuiteWorkload(spec.Name, settings) { Model = spec.Model?.Pattern };
            if (_workloads.Any(w => w.Workload.Name == workload.Name && w.Workload.Settings.Equals(settings)
                && (_models.Count == 0 || _models.Any(m => w.Workload.IsFor(m.Id) && workload.IsFor(m.Id)))))
                throw spec.Node.Error($"the workload {spec.Name} is listed twice with the same settings", "remove one of them");
            SuiteChecks.Workload(spec.Node, workload, _backends.Select(b => b.Engine).Distinct(), engines);
            _workloads.Add((spec.Node, workload));
        }
    }
}
