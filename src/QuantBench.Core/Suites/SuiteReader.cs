using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Gates;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Suites;

/// <summary>Turns the nodes of a suite into a <see cref="Suite"/>, or throws the first fault in the order of the document.</summary>
internal sealed class SuiteReader(SuiteMap root, string file, string text, string directory)
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
        ("backends", "engine/device pairs, e.g. llamacpp/cpu"),
        ("settings", "settings for every workload they apply to; a workload's own come first"),
        ("workloads", "what is measured; a setting given as a list makes one workload per value"),
        ("include", "when given: only cells that one of these rules matches are kept"),
        ("exclude", "cells that one of these rules matches are dropped"),
        ("limits", "limits of each cell"),
        ("imatrix", "how importance matrices are computed, for variants with +imatrix"),
        ("interleave", "whether timing cells are measured round-robin over variants, so that a drifting machine moves all of them"),
        ("tags", "free labels copied to the run"),
        ("schedule", "when the suite runs by itself under 'quantbench serve'"),
        ("gates", "rules the run must keep; 'quantbench gate RUN' judges them"),
    ];

    /// <summary>Keys of a rule.</summary>
    public static readonly ImmutableArray<string> RuleKeys = ["model", "variant", "backend", "workload"];

    private const int MostItems = 1000;
    private const int MostCells = 100_000;
    private const int LongestName = 64;
    private const int LongestRecipe = 4096;

    /// <summary>Which formats an engine reads; engines that aren't here are asked at run time.</summary>
    private static readonly ImmutableSortedDictionary<string, ImmutableArray<string>> s_engineFormats =
        ImmutableSortedDictionary<string, ImmutableArray<string>>.Empty
            .Add("llamacpp", ["gguf"])
            .Add("onnxruntime", ["onnx"])
            .Add("managed", ["gguf", "safetensors", "mlx", "gptq", "awq"]);

    private static readonly ImmutableArray<string> s_quantizedKv = ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"];

    private readonly List<SuiteModel> _models = [];
    private readonly List<Variant> _variants = [];
    private readonly List<SuiteNode> _variantNodes = [];
    private readonly List<BackendId> _backends = [];
    private readonly List<(SuiteNode Node, CellRule Rule)> _include = [];
    private readonly List<(SuiteNode Node, CellRule Rule)> _exclude = [];
    private readonly List<WorkloadReader.Spec> _workloadSpecs = [];
    private readonly List<(SuiteNode Node, SuiteWorkload Workload)> _workloads = [];
    private readonly List<string> _tags = [];
    private ImmutableArray<GivenSetting> _settings = [];
    private string? _name;
    private string _description = "";
    private SuiteLimits _limits = new();
    private ImatrixOptions _imatrix = new();
    private SuiteNode? _imatrixDataset;
    private bool _interleave;
    private SuiteSchedule? _schedule;
    private ImmutableArray<GateRule> _gates = [];

    public Suite Read()
    {
        foreach ((SuiteScalar key, SuiteNode value) in root.Entries) ReadKey(key, value);
        Require(_name is not null, "suite", "e.g. suite: my-sweep");
        Require(_models.Count > 0 || (_workloadSpecs.Count > 0 && _workloadSpecs.All(s => !WorkloadNames.RunsModel(s.Name))), "models",
            "e.g. models: [{ id: reference, source: ../datasets/reference-model }]");
        Require(_variants.Count > 0, "variants", "e.g. variants: [gguf:F16, gguf:Q4_K_M]");
        Require(_backends.Count > 0, "backends", "e.g. backends: [llamacpp/cpu]");
        Require(_workloadSpecs.Count > 0, "workloads", "e.g. workloads: [perplexity, latency]");
        foreach (WorkloadReader.Spec spec in _workloadSpecs) AddWorkloads(spec);
        CheckSize();
        CheckCalibration();
        foreach ((SuiteNode node, CellRule rule) in _include.Concat(_exclude)) CheckRule((SuiteMap)node, rule);
        var suite = new Suite
        {
            Name = _name!, // required above
            Description = _description,
            File = file,
            Text = text,
            Models = [.. _models],
            Variants = [.. _variants],
            Backends = [.. _backends],
            Workloads = [.. _workloads.Select(w => w.Workload)],
            Include = [.. _include.Select(r => r.Rule)],
            Exclude = [.. _exclude.Select(r => r.Rule)],
            Limits = _limits,
            Imatrix = _imatrix,
            Interleave = _interleave,
            Tags = [.. _tags],
            Schedule = _schedule,
            Gates = _gates,
        };
        CheckCells(suite);
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
            case "settings": _settings = WorkloadReader.Settings(Value.Map(value, "settings"), null); break;
            case "workloads": _workloadSpecs.AddRange(Value.Items(value, "workloads", MostItems).Select(WorkloadReader.Read)); break;
            case "include": ReadRules(value, "include", _include); break;
            case "exclude": ReadRules(value, "exclude", _exclude); break;
            case "limits": ReadLimits(Value.Map(value, "limits")); break;
            case "imatrix": ReadImatrix(Value.Map(value, "imatrix")); break;
            case "interleave": _interleave = Value.Flag(value, "interleave"); break;
            case "tags": ReadTags(value); break;
            case "schedule": _schedule = ReadSchedule(Value.Map(value, "schedule")); break;
            case "gates": _gates = GateReader.Read(value); break;
            default: throw Value.UnknownKey(key, Keys.Select(k => k.Key), "keys");
        }
    }

    private static SuiteSchedule ReadSchedule(SuiteMap map)
    {
        string? cron = null;
        string? zone = null;
        CatchUp catchUp = CatchUp.Last;
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
                default: throw Value.UnknownKey(key, ["cron", "zone", "catch_up"], "keys of a schedule");
            }
        }

        if (cron is null) throw map.Error("the schedule has no 'cron'", "e.g. schedule: { cron: 30 2 * * *, zone: Europe/Berlin }");
        return CronTimes.TryParse(cron, zone, out CronTimes? times, out string? problem)
            ? new SuiteSchedule(times, catchUp)
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
        foreach (SuiteNode item in Value.Items(value, "models", MostItems))
        {
            string? id = null;
            string? source = null;
            string? olive = null;
            SuiteMap map = Value.Map(item, "a model");
            foreach ((SuiteScalar key, SuiteNode part) in map.Entries)
            {
                switch (key.Value)
                {
                    case "id": id = ReadModelId(part); break;
                    case "source": source = ReadSource(part); break;
                    case "olive": olive = Value.Text(part, "olive", LongestRecipe); break;
                    default: throw Value.UnknownKey(key, ["id", "source", "olive"], "keys of a model");
                }
            }

            const string Example = "e.g. { id: reference, source: ../datasets/reference-model }";
            if (id is null) throw map.Error("the model has no 'id'", Example);
            if (source is null) throw map.Error($"the model '{id}' has no 'source'", Example);
            _models.Add(new SuiteModel(id, source) { Olive = olive });
        }
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
        return Path.GetFullPath(Path.Combine(Path.GetFullPath(directory.Length == 0 ? "." : directory), source));
    }

    private void ReadVariants(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "variants", MostItems))
        {
            Variant variant = Value.Variant(item, "a variant");
            if (_variants.Contains(variant)) throw item.Error($"the variant {variant} is listed twice", "remove one of them");
            _variants.Add(variant);
            _variantNodes.Add(item);
        }
    }

    private void ReadBackends(SuiteNode value)
    {
        foreach (SuiteNode item in Value.Items(value, "backends", MostItems))
        {
            string id = Value.Text(item, "a backend", LongestName);
            const string Hint = "a backend is engine/device in lower case, e.g. llamacpp/cpu or ilgpu/cuda:0";
            if (!BackendId.TryParse(id, out BackendId backend)) throw item.Error($"'{id}' isn't a backend", Hint);
            if (!id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '/' or ':' or '.' or '_' or '-'))
                throw item.Error($"'{id}' isn't a backend", Hint);
            if (_backends.Contains(backend)) throw item.Error($"the backend {backend} is listed twice", "remove one of them");
            _backends.Add(backend);
        }
    }

    private static void ReadRules(SuiteNode value, string what, List<(SuiteNode, CellRule)> rules)
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
                _ => throw Value.UnknownKey(key, ["cell_timeout", "cell_memory", "prepare_timeout"], "limits"),
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
        foreach (CellSettings settings in WorkloadReader.Spread(spec, _settings))
        {
            if (_workloads.Count >= MostItems)
                throw spec.Node.Error($"lists of settings make more than {MostItems} workloads", "measure fewer values at once");
            var workload = new SuiteWorkload(spec.Name, settings);
            if (_workloads.Any(w => w.Workload == workload))
                throw spec.Node.Error($"the workload {spec.Name} is listed twice with the same settings", "remove one of them");
            CheckWorkload(spec.Node, workload);
            _workloads.Add((spec.Node, workload));
        }
    }

    private static void CheckWorkload(SuiteNode node, SuiteWorkload workload)
    {
        CellSettings s = workload.Settings;
        if (workload.Name == "latency" && s.Int("prompt") == 0 && s.Int("generate") == 0)
        {
            throw node.Error("latency with prompt 0 and generate 0 measures nothing", "give at least one of them a value above 0");
        }

        if (workload.Name == "divergence" && s.Text("reference").Length == 0)
        {
            throw node.Error("divergence has no reference to compare with",
                "add the variant that counts as exact, e.g. reference: gguf:F32");
        }

        if (workload.Name == "divergence" && s.Text("reference_backend") is { Length: > 0 } named && !BackendId.TryParse(named, out _))
        {
            throw node.Error($"reference_backend: '{named}' is not engine/device", "e.g. reference_backend: llamacpp/cpu");
        }

        if (s.Has("n_ctx") && s.Int("n_ctx") % 2 != 0)
        {
            throw node.Error($"n_ctx is {s.Int("n_ctx")}, an odd number",
                "only the second half of each chunk is scored, so it must be even");
        }

        if (s.Int("n_ubatch") > s.Int("n_batch"))
        {
            throw node.Error($"n_ubatch {s.Int("n_ubatch")} is larger than n_batch {s.Int("n_batch")}",
                "what is computed at once can't exceed what is handed over at once");
        }

        if (s.Text("flash_attention") == "off" && s_quantizedKv.Contains(s.Text("kv_type")))
        {
            throw node.Error($"kv_type {s.Text("kv_type")} needs flash attention, which is off",
                "set flash_attention: auto, or kv_type: f16");
        }

        if (s.Int("repetitions") > s.Int("max_repetitions"))
        {
            throw node.Error($"repetitions {s.Int("repetitions")} is more than max_repetitions {s.Int("max_repetitions")}",
                "repetitions is the least, max_repetitions the most");
        }
    }

    private void CheckSize()
    {
        long cells = (long)Math.Max(1, _models.Count) * _variants.Count * _backends.Count * _workloads.Count;
        if (cells > MostCells)
            throw root.Error($"the suite makes {cells} cells; at most {MostCells} are allowed", "split it into several suites");
    }

    private void CheckCalibration()
    {
        bool wanted = _imatrixDataset is not null || _variants.Any(v => v.NeedsCalibrationText);
        if (!wanted) return;
        foreach ((SuiteNode node, SuiteWorkload workload) in _workloads)
        {
            if (!workload.Settings.Has("dataset") || Split(workload.Settings.Text("dataset")) != Split(_imatrix.Dataset)) continue;
            throw (_imatrixDataset ?? node).Error(
                $"the importance matrix or calibration is computed on '{_imatrix.Dataset}', the text that {workload.Name} is evaluated on",
                "a quantizer tuned on the evaluation text looks better than it is; calibrate on another split, e.g. dataset: sotu:train");
        }

        // A dataset named without a split is its test split.
        static string Split(string dataset) => dataset.Contains(':', StringComparison.Ordinal) ? dataset : dataset + ":test";
    }

    private void CheckRule(SuiteMap node, CellRule rule)
    {
        // The matrix is a full product, so a rule matches a cell exactly when each of its patterns matches something.
        Check("model", rule.Model,
            [.. _models.Select(m => m.Id),
                .. _workloads.Any(w => !WorkloadNames.RunsModel(w.Workload.Name)) ? [WorkloadNames.NoModel] : Array.Empty<string>()]);
        Check("variant", rule.Variant, _variants.Select(v => v.Id));
        Check("backend", rule.Backend, _backends.Select(b => b.ToString()));
        Check("workload", rule.Workload, _workloads.Select(w => w.Workload.Name).Distinct());

        void Check(string key, string? pattern, IEnumerable<string> names)
        {
            if (pattern is null) return;
            string[] all = [.. names];
            if (all.Any(n => key == "variant" ? CellRule.MatchesVariant(pattern, n) : CellRule.MatchesText(pattern, n))) return;
            // Non-null: the pattern was read from this key.
            throw node.Find(key)!.Error($"the rule matches no cell: no {key} of the suite fits '{pattern}'",
                DidYouMean.Hint(pattern, all, $"{key}s of the suite"));
        }
    }

    private void CheckCells(Suite suite)
    {
        ImmutableArray<Cell> cells = Matrix.Expand(suite);
        if (cells.IsEmpty)
        {
            SuiteNode at = _include.Concat(_exclude).Select(r => r.Node).FirstOrDefault() ?? root;
            throw at.Error("the rules leave no cell to measure", "loosen 'include' or 'exclude'");
        }

        foreach (Cell cell in cells)
        {
            CheckKind(cell);
            if (!WorkloadNames.RunsModel(cell.Workload)) continue; // engines are asked at run time
            if (FormatFault(cell.Variant, cell.Backend) is { } fault)
            {
                throw _variantNodes[_variants.IndexOf(cell.Variant)]
                    .Error(fault, $"remove the variant, or exclude: [{{ variant: {cell.Variant}, backend: {cell.Backend} }}]");
            }

            if (cell.Workload != "divergence") continue;
            Variant reference = Variant.Parse(cell.Settings.Text("reference"));
            if (FormatFault(reference, ReferenceNeed.BackendOf(cell)) is { } referenceFault)
            {
                throw _workloads.First(w => w.Workload.Name == cell.Workload && w.Workload.Settings.Equals(cell.Settings)).Node
                    .Error($"reference: {referenceFault}",
                        "choose a reference that every backend of the suite can run, or say which one runs it, e.g. reference_backend: "
                            + "llamacpp/cpu");
            }
        }
    }

    // Kernels work on block types, models hold a mix of them.
    private void CheckKind(Cell cell)
    {
        bool blockType = cell.Variant.Format == QuantSchemes.BlockTypeFormat;
        bool runsModel = WorkloadNames.RunsModel(cell.Workload);
        if (blockType != runsModel) return;
        SuiteNode at = _variantNodes[_variants.IndexOf(cell.Variant)];
        string exclude = $"exclude: [{{ variant: {cell.Variant}, workload: {cell.Workload} }}]";
        throw blockType
            ? at.Error($"{cell.Variant} is a block type, not a model's format, so {cell.Workload} can't run it",
                $"write e.g. gguf:Q4_0, or {exclude}")
            : at.Error($"{cell.Workload} measures single block types, and {cell.Variant} is a model's format",
                $"write e.g. {QuantSchemes.BlockTypeFormat}:Q4_0, or {exclude}");
    }

    private static string? FormatFault(Variant variant, BackendId backend) =>
        s_engineFormats.TryGetValue(backend.Engine, out ImmutableArray<string> formats) && !formats.Contains(variant.Format)
            ? $"{backend} can't run {variant}: {backend.Engine} reads {string.Join(", ", formats)} only"
            : null;
}
