using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>A setting as it was written: one value, or several to spread over.</summary>
/// <param name="Key">Setting key.</param>
/// <param name="Values">Its values, distinct, at least one.</param>
internal sealed record GivenSetting(string Key, ImmutableArray<object> Values);

/// <summary>Reads workloads and spreads lists of settings over them.</summary>
/// <param name="engines">Engines whose own settings may be given.</param>
internal sealed class WorkloadReader(EngineCatalog engines)
{
    /// <summary>
    /// Settings that every cell they apply to records even when the suite doesn't give them, so that a result describes itself and a later
    /// change of a default can't change an old cell's meaning.
    /// </summary>
    public static readonly ImmutableArray<string> AlwaysRecorded =
    [
        "threads", "n_ctx", "n_batch", "n_ubatch", "prompt", "generate", "depth", "kv_type", "flash_attention", "repetitions", "dataset",
        "chunks", "reference",
        "op", "shape", "tokens", "cache",
        "arrivals", "concurrency", "rate", "prompt_tokens", "output_tokens",
        "set", "items", "answer_tokens",
    ];

    /// <summary>Key beside a workload's settings: which of the suite's models it is for.</summary>
    public const string ModelKey = "model";

    private const int MostValues = 100;
    private const int LongestModel = 100;
    private const string Search = "search";
    private const string Objective = "slo";

    /// <summary>A workload as it was written.</summary>
    /// <param name="Node">Where.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Given">Its own settings, in the order written.</param>
    public sealed record Spec(SuiteNode Node, string Name, ImmutableArray<GivenSetting> Given)
    {
        /// <summary>Pattern of the models it is for, and where it stands; null = all.</summary>
        public (string Pattern, SuiteNode Node)? Model { get; init; }
    }

    /// <summary>Reads an entry of <c>workloads</c>: a name, or a name with its settings.</summary>
    public Spec Read(SuiteNode node)
    {
        switch (node)
        {
            case SuiteScalar { IsNull: false } name:
                return new Spec(name, Name(name), []);
            case SuiteMap { Entries: [(SuiteScalar key, SuiteNode value)] }:
                string workload = Name(key);
                if (value is SuiteScalar { IsNull: true }) return new Spec(key, workload, []);
                SuiteMap map = Value.Map(value, $"the settings of {workload}");
                return new Spec(key, workload, Settings(map, workload)) { Model = Model(map, workload) };
            case SuiteMap { Entries: [_, (SuiteScalar second, _), ..] }:
                throw second.Error("a list entry holds one workload",
                    "start each workload with its own '- ', and its settings below it, indented further");
            default:
                throw node.Error($"a workload is a name or a name with settings, not {node.Kind}", "e.g. - latency: { prompt: 512 }");
        }
    }

    /// <summary>Reads a map of settings.</summary>
    /// <param name="map">The map.</param>
    /// <param name="workload">The workload it belongs to; null for the suite-wide ones.</param>
    public ImmutableArray<GivenSetting> Settings(SuiteMap map, string? workload)
    {
        ImmutableArray<GivenSetting>.Builder given = ImmutableArray.CreateBuilder<GivenSetting>();
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            if (workload is not null && key.Value == ModelKey) continue;
            IEnumerable<string> fitting =
                engines.SettingsOf(workload is null ? null : WorkloadTable.Of(workload)).Select(s => s.Key);
            if (engines.Setting(key.Value) is not { } definition)
                throw key.Error($"unknown setting '{key.Shortened}'", DidYouMean.Hint(key.Value, fitting, "settings"));
            if (!fitting.Contains(definition.Key))
            {
                IEnumerable<string> takers = WorkloadTable.All.Where(w => engines.Takes(w, definition.Key)).Select(w => w.Name);
                throw key.Error($"the setting '{key.Value}' doesn't apply to {workload}",
                    $"it belongs to {string.Join(", ", takers)}; {workload} takes {string.Join(", ", fitting)}");
            }

            if (definition.Key == Search && value is SuiteMap search) given.AddRange(SearchOf(search, given, workload).ToArray());
            else if (given.Any(g => g.Key == definition.Key))
                throw key.Error($"'{key.Value}' is given twice", $"once in '{Search}': leave one of them out");
            else given.Add(new GivenSetting(definition.Key, Values(value, definition)));
        }

        return given.ToImmutable();
    }

    /// <summary>Every combination of a workload's values (suite-wide ones where it has none of its own), with the always recorded ones
    /// filled in.</summary>
    public IEnumerable<CellSettings> Spread(Spec spec, ImmutableArray<GivenSetting> suiteWide)
    {
        WorkloadDefinition workload = WorkloadTable.Of(spec.Name);
        ImmutableArray<GivenSetting> all =
        [
            .. suiteWide.Where(s => engines.Takes(workload, s.Key) && spec.Given.All(g => g.Key != s.Key)),
            .. spec.Given,
        ];
        CellSettings defaults = CellSettings.Empty;
        foreach (string key in AlwaysRecorded.Where(k => workload.Settings.Contains(k)))
            defaults = defaults.With(key, SettingTable.Get(key).Default);

        IEnumerable<CellSettings> combinations = [defaults];
        // Lazy: the caller stops at its limit, however many combinations the lists would make.
        foreach (GivenSetting setting in all)
        {
            IEnumerable<CellSettings> before = combinations;
            combinations = before.SelectMany(s => setting.Values.Select(v => s.With(setting.Key, v)));
        }

        bool microBatchGiven = all.Any(s => s.Key == "n_ubatch");
        return combinations.Select(workload.Settle).Select(s =>
            microBatchGiven || s.Int("n_ubatch") <= s.Int("n_batch") ? s : s.With("n_ubatch", s.Int("n_batch")));
    }

    private static (string Pattern, SuiteNode Node)? Model(SuiteMap map, string workload)
    {
        if (map.Find(ModelKey) is not { } node) return null;
        if (!WorkloadTable.Of(workload).RunsModel)
            throw node.Error($"{workload} runs no model, so it is for none", $"remove '{ModelKey}'");
        return (Value.Text(node, ModelKey, LongestModel), node);
    }

    // search: { slo: … } says what is looked for with what must be kept.
    private static IEnumerable<GivenSetting> SearchOf(SuiteMap map, IEnumerable<GivenSetting> before, string? workload)
    {
        if (map.Entries is not [(SuiteScalar { Value: Objective } key, SuiteNode value)])
        {
            throw map.Error($"'{Search}' with keys holds '{Objective}' alone",
                $"write {Search}: {{ {Objective}: {{ ttft_p99: 500ms, itl_p99: 50ms }} }}, or {Search}: capacity and {Objective} beside "
                    + "it");
        }

        if (before.Any(g => g.Key == Objective))
            throw key.Error($"'{Objective}' is given twice", $"once in {workload ?? "settings"}: leave one of them out");
        yield return new GivenSetting(Search, ["capacity"]);
        yield return new GivenSetting(Objective, Values(value, SettingTable.Get(Objective)));
    }

    private static string Name(SuiteScalar name) =>
        WorkloadTable.Find(name.Value)?.Name
        ?? throw name.Error($"there is no workload '{name.Shortened}'",
            DidYouMean.Hint(name.Value, WorkloadTable.All.Select(w => w.Name), "workloads"));

    private static ImmutableArray<object> Values(SuiteNode node, SettingDefinition definition)
    {
        if (node is not SuiteList) return [Value.Setting(node, definition)];
        ImmutableArray<object>.Builder values = ImmutableArray.CreateBuilder<object>();
        foreach (SuiteNode item in Value.Items(node, definition.Key, MostValues))
        {
            object value = Value.Setting(item, definition);
            if (values.Contains(value)) throw item.Error($"'{definition.Key}' lists {value} twice", "remove one of them");
            values.Add(value);
        }

        return values.ToImmutable();
    }
}
