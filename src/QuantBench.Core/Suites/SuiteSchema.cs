using System.Collections.Immutable;
using System.Text.Json.Nodes;
using QuantBench.Core.Engines;
using QuantBench.Core.Gates;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Suites;

/// <summary>
/// The JSON Schema (draft 2020-12) of suites, for completion and checking in editors. Made from the tables that the loader checks against;
/// the loader stays the judge, since a schema can't tell impossible combinations.
/// </summary>
public static class SuiteSchema
{
    private const string DurationPattern = @"^\d+(\.\d+)?(ms|s|m|h|d)$";
    private const string SizePattern = @"^\d+(\.\d+)?([KMGT]i?)?B$";

    private static readonly ImmutableArray<MetricDefinition> s_metricExamples =
        [MetricTable.Perplexity, MetricTable.GenerationSpeed, MetricTable.PeakMemory];

    /// <summary>The schema's text, indented, ending in a line break.</summary>
    /// <param name="engines">Engines whose own settings it lists.</param>
    public static string Generate(EngineCatalog engines)
    {
        ArgumentNullException.ThrowIfNull(engines);
        var properties = new JsonObject();
        foreach ((string key, string description) in SuiteReader.Keys)
        {
            JsonObject schema = Property(key, engines);
            schema["description"] = engines.Fill(description);
            properties[key] = schema;
        }

        var root = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "QuantBench suite",
            ["type"] = "object",
            ["properties"] = properties,
            ["additionalProperties"] = false,
            // With 'extends' the base may bring the rest. Workloads that run no model need none.
            ["anyOf"] = new JsonArray(Required("suite", "variants", "backends", "workloads"), Required("extends")),
            // What stands in many places is said once.
            ["$defs"] = new JsonObject(
            [
                new(VariantDefinition(blockTypes: true), Variants(blockTypes: true)),
                new(VariantDefinition(blockTypes: false), Variants(blockTypes: false)),
                .. engines.Settings.Select(s => new KeyValuePair<string, JsonNode?>(SettingDefinitionName(s), OneOrMany(s))),
            ]),
        };
        return root.ToJsonString(Json.Pretty).ReplaceLineEndings("\n") + "\n";
    }

    private static JsonObject Property(string key, EngineCatalog engines) => key switch
    {
        "suite" => new JsonObject { ["type"] = "string", ["pattern"] = "^[a-z0-9][a-z0-9-]{0,63}$" },
        "extends" or "description" => Text(),
        "models" =>
            List(Map(
                [("id", Text("its name in results")), ("source",
                        Text("path from this file's directory, 'served': a server has it, or 'synthetic:SHAPE': random weights")),
                    ("olive",
                        Text("arguments of Olive's command, which makes an ONNX model of the source first, "
                            + "e.g. auto-opt --precision int4")),
                    ("pull", new JsonObject
                    {
                        ["type"] = "boolean",
                        ["description"] = "whether the server is to pull variants that it lacks (Ollama)",
                    }),
                    ("after", new JsonObject
                    {
                        ["enum"] = Strings(SuiteReader.AfterWords),
                        ["description"] = "what becomes of the variants on the server afterwards: they leave its memory, and with delete "
                            + "its disk too if the run pulled them",
                    })],
                ["id", "source"])),
        "variants" => List(Defined(VariantDefinition(blockTypes: true))),
        "backends" =>
            List(new JsonObject
            {
                ["type"] = "string",
                ["pattern"] = @"^[a-z0-9._:-]+/([a-z0-9._:-]+|[a-z0-9-]+@(https?://[^\s@?#]+|[a-z][a-z0-9._-]*))$",
                ["examples"] = new JsonArray(engines.Example)
            }),
        "servers" => List(Map([.. ServerReader.Keys.Select(k => (k.Key, Server(k.Key, k.Description)))], ["id", "command"])),
        "settings" => Settings(null, engines),
        "workloads" => List(Workloads(engines)),
        "include" or "exclude" => List(Rule(), least: 0),
        "limits" => Map(
            [
                ("cell_timeout", Pattern(DurationPattern, "wall-clock limit of a cell, e.g. 5m")),
                ("cell_memory", Pattern(SizePattern, "limit on the resident memory of a cell's process, e.g. 4GiB")),
                ("prepare_timeout", Pattern(DurationPattern, "wall-clock limit for preparing one artifact, e.g. 10m")),
                ("quiet", Pattern(DurationPattern, "how long a run waits in all for a quiet machine before its timings, e.g. 5m")),
            ],
            []),
        "imatrix" =>
            Map([("dataset", One(SettingTable.Get("dataset"))), ("chunks", One(SettingTable.Get("chunks"))),
                ("n_ctx", One(SettingTable.Get("n_ctx")))], []),
        "interleave" => new JsonObject { ["type"] = "boolean", ["default"] = false },
        "tags" => List(Text(), least: 0),
        "schedule" => Map(
            [
                ("cron", Text("five fields, minute hour day month weekday; six with seconds first")),
                ("zone", Text("time zone, e.g. Europe/Berlin; UTC when absent")),
                ("catch_up",
                    new JsonObject { ["type"] = "string", ["enum"] = Strings(["last", "skip", "all"]),
                        ["description"] = "what becomes of times missed while the server was down or busy" }),
                ("confirm",
                    new JsonObject { ["type"] = "integer", ["minimum"] = 0, ["maximum"] = SuiteSchedule.MostConfirm,
                        ["default"] = SuiteSchedule.DefaultConfirm,
                        ["description"] = "how often cells whose timing looks worse are measured again before that is said; 0 = never" }),
            ],
            ["cron"]),
        "placement" => Map([.. PlacementReader.Keys.Select(k => (k.Key, Placement(k.Key, k.Description)))], []),
        "gates" => List(Map([.. GateReader.Keys.Select(k => (k.Key, Gate(k.Key, k.Description)))], ["metric"]), least: 0),
        _ => throw new ArgumentException($"the key '{key}' has no schema", nameof(key)),
    };

    private static JsonObject Server(string key, string description)
    {
        JsonObject schema = key switch
        {
            "command" => new JsonObject { ["anyOf"] = new JsonArray(Text(), List(Text())) },
            "port" => new JsonObject { ["type"] = "integer", ["minimum"] = 0, ["maximum"] = 65535 },
            "environment" => new JsonObject { ["type"] = "object", ["additionalProperties"] = new JsonObject { ["type"] = "string" } },
            "ready_timeout" => new JsonObject { ["type"] = "string", ["pattern"] = DurationPattern },
            _ => Text(),
        };
        schema["description"] = description;
        return schema;
    }

    private static JsonObject Placement(string key, string description)
    {
        JsonObject schema = key switch
        {
            "machines" or "labels" => List(Text()),
            "any" or "replace" => new JsonObject { ["type"] = "boolean", ["default"] = false },
            "priority" => new JsonObject { ["type"] = "integer", ["minimum"] = -100, ["maximum"] = 100, ["default"] = 0 },
            "lost_after" => new JsonObject { ["type"] = "string", ["pattern"] = DurationPattern },
            _ => new JsonObject { ["type"] = "string", ["enum"] = Strings(PlacementReader.ReconcileWords) },
        };
        schema["description"] = description;
        return schema;
    }

    private static JsonObject Gate(string key, string description)
    {
        JsonObject schema = key switch
        {
            "min" or "max" => new JsonObject { ["type"] = Strings(["string", "number"]) },
            "unsure" => new JsonObject { ["enum"] = Strings(["estimate", "pass", "fail"]), ["default"] = "estimate" },
            "metric" =>
                new JsonObject { ["type"] = "string", ["minLength"] = 1, ["examples"] = Strings(s_metricExamples.Select(m => m.Name)) },
            _ => Text(),
        };
        schema["description"] = description;
        return schema;
    }

    private static string VariantDefinition(bool blockTypes) => blockTypes ? "variant_or_block_type" : "variant";

    private static string SettingDefinitionName(SettingDefinition setting) => $"setting_{setting.Key}";

    private static JsonObject Defined(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    private static JsonObject Required(params string[] keys) => new() { ["required"] = Strings(keys) };

    private static JsonArray Strings(IEnumerable<string> values) => [.. values.Select(v => (JsonNode)v)];

    private static JsonObject Text(string? description = null)
    {
        var schema = new JsonObject { ["type"] = "string", ["minLength"] = 1 };
        if (description is not null) schema["description"] = description;
        return schema;
    }

    private static JsonObject Pattern(string pattern, string description) =>
        new() { ["type"] = "string", ["pattern"] = pattern, ["description"] = description };

    private static JsonObject List(JsonObject items, int least = 1) =>
        new() { ["type"] = "array", ["minItems"] = least, ["items"] = items };

    private static JsonObject Map(ImmutableArray<(string Key, JsonObject Schema)> properties, string[] required)
    {
        var map = new JsonObject
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject(properties.Select(p => new KeyValuePair<string, JsonNode?>(p.Key, p.Schema)))
        };
        if (required.Length > 0) map["required"] = Strings(required);
        return map;
    }

    private static IEnumerable<(string Id, string Description)> VariantIds()
    {
        foreach (QuantScheme scheme in QuantSchemes.All)
        {
            if (!scheme.NeedsImportanceMatrix) yield return ($"{scheme.Format}:{scheme.Name}", scheme.Description);
            if (scheme.Format == "gguf" && scheme.NominalBits < 16 && !scheme.IgnoresImportanceMatrix)
                yield return ($"{scheme.Format}:{scheme.Name}+imatrix", scheme.Description + ", with importance matrix");
        }
    }

    // Constants give completion with descriptions; the pattern admits what the loader also takes: other case, no 'gguf:'.
    private static JsonObject Variants(bool blockTypes) => new()
    {
        ["anyOf"] = new JsonArray(
        [
            .. VariantIds().Where(v => blockTypes || !v.Id.StartsWith(QuantSchemes.BlockTypeFormat + ":", StringComparison.Ordinal))
                .Select(v => (JsonNode)new JsonObject { ["const"] = v.Id, ["description"] = v.Description }),
            new JsonObject { ["type"] = "string", ["pattern"] = @"^([a-z-]+:)?[A-Za-z0-9_-]+(\{[A-Za-z0-9_.=, ]+\})?(\+imatrix)?$" },
        ]),
    };

    private static JsonObject Workloads(EngineCatalog engines) => new()
    {
        ["anyOf"] = new JsonArray(
        [
            .. WorkloadTable.All.Select(w => (JsonNode)new JsonObject { ["const"] = w.Name, ["description"] = w.Description }),
            .. WorkloadTable.All.Select(w =>
            {
                JsonObject settings = Settings(w, engines);
                if (w.RunsModel)
                {
                    ((JsonObject)settings["properties"]!).Add(WorkloadReader.ModelKey, // Settings has properties
                        Text("which of the suite's models it is for, with * and ?; all when absent"));
                }

                settings["type"] = new JsonArray("object", "null");
                settings["description"] = w.Description;
                if (w.NeedsReference) settings["required"] = Strings(["reference"]);
                return (JsonNode)Map([(w.Name, settings)], [w.Name]);
            }),
        ]),
    };

    private static JsonObject Settings(WorkloadDefinition? workload, EngineCatalog engines) =>
        Map([.. engines.SettingsOf(workload).Select(s => (s.Key, Defined(SettingDefinitionName(s))))], []);

    private static JsonObject OneOrMany(SettingDefinition definition)
    {
        JsonObject many = List(One(definition));
        many["uniqueItems"] = true;
        JsonObject schema = new() { ["description"] = definition.Description, ["anyOf"] = new JsonArray(One(definition), many) };
        if (definition.Key != "reference") schema["default"] = Node(definition.Default);
        return schema;
    }

    private static JsonObject One(SettingDefinition definition)
    {
        if (definition.Key == "reference") return Defined(VariantDefinition(blockTypes: false));
        var schema = new JsonObject
        {
            ["type"] = definition.Kind switch
            {
                SettingKind.Integer => "integer",
                SettingKind.Number => "number",
                SettingKind.Flag => "boolean",
                _ => "string",
            },
        };
        if (double.IsFinite(definition.Min)) schema["minimum"] = Number(definition.Min);
        if (double.IsFinite(definition.Max)) schema["maximum"] = Number(definition.Max);
        if (definition.Key == "shape") schema["pattern"] = "^[1-9][0-9]*x[1-9][0-9]*$";
        if (!definition.Choices.IsDefaultOrEmpty) schema["enum"] = Strings(definition.Choices);
        return definition.Key switch
        {
            "slo" => Either(schema, Limits()),
            "search" => Either(schema, Map([("slo", Either(new JsonObject { ["type"] = "string" }, Limits()))], ["slo"])),
            _ => schema,
        };
    }

    // An objective as a map: a latency with its percentile, and the limit.
    private static JsonObject Limits() => new()
    {
        ["type"] = "object",
        ["minProperties"] = 1,
        ["propertyNames"] = new JsonObject { ["pattern"] = "^(ttft|answer|itl|tpot|e2e)_p[1-9][0-9]?$" },
        ["additionalProperties"] = new JsonObject { ["type"] = "string" },
    };

    private static JsonObject Either(JsonObject one, JsonObject other) => new() { ["anyOf"] = new JsonArray(one, other) };

    private static JsonNode Number(double value) =>
        value == Math.Floor(value) && Math.Abs(value) < 1L << 53 ? (JsonNode)(long)value : value;

    private static JsonNode Node(object value) => value switch
    {
        long whole => whole,
        double number => Number(number),
        bool flag => flag,
        _ => (string)value,
    };

    private static JsonObject Rule() => Map(
        [
            .. SuiteReader.RuleKeys.Select(k =>
                (k, k == "workload"
                    ? Text($"pattern for the {k}: * and ? are wildcards; one of {string.Join(", ", WorkloadTable.All.Select(w => w.Name))}")
                    : Text($"pattern for the {k}: * and ? are wildcards"))),
        ],
        []);
}
