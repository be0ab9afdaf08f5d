using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Workloads;

/// <summary>
/// Every workload a suite may name. To add one: an entry here, its evaluator in <c>EvaluatorTable</c>, and lines in
/// <see cref="SettingTable"/> and <see cref="MetricTable"/> for settings and metrics that are new. Suites, their schema, the command line,
/// tables and pages read the entry.
/// </summary>
public static class WorkloadTable
{
    /// <summary>What stands for the model in cells of workloads that run none.</summary>
    public const string NoModel = "kernels";

    private static readonly ImmutableArray<string> s_model =
        ["threads", "n_batch", "n_ubatch", "kv_type", "kv_type_k", "kv_type_v", "flash_attention", "gpu_layers"];

    private static readonly ImmutableArray<string> s_text = ["n_ctx", "dataset", "chunks"];
    private static readonly ImmutableArray<string> s_timing =
        ["repetitions", "launches", "max_repetitions", "target_ci", "time_cap", "warmup_cap", "cores", "priority"];

    private static readonly FrozenDictionary<string, WorkloadDefinition> s_byName;

    static WorkloadTable()
    {
        s_byName = All.ToFrozenDictionary(w => w.Name, StringComparer.Ordinal);
        (Latency, Kernel, Serve) = (s_byName["latency"], s_byName["kernel"], s_byName["serve"]);
    }

    /// <summary>All workloads, in the order help texts list them.</summary>
    public static ImmutableArray<WorkloadDefinition> All { get; } =
    [
        new("perplexity", "perplexity and bits per byte on a text, by llama-perplexity's definition")
        {
            NeedsText = true,
            Settings = [.. s_model, .. s_text],
            Scoring = [],
            Leads = ["perplexity"],
            Settle = KvTypes.Settle,
        },
        new("divergence", "Kullback-Leibler divergence, same-top share and perplexity ratio against a reference variant")
        {
            NeedsText = true,
            NeedsReference = true,
            Settings = [.. s_model, .. s_text, "reference", "reference_backend", "divergences"],
            Scoring = ["reference", "reference_backend", "divergences"],
            Leads = ["kl_mean", "same_top"],
            Settle = KvTypes.Settle,
            Check = CheckReference,
        },
        new("task", "accuracy on items with short answers or choices, and recovery and flips against a reference variant")
        {
            NeedsItems = true,
            Settings =
            [
                .. s_model, "set", "items", "seed", "haystack", "answer_tokens", "match", "stop", "prompting", "choice_score",
                "concurrency", "request_timeout", "stall_timeout", "reference", "reference_backend",
            ],
            Leads = ["task_accuracy", "task_recovery", "task_flips"],
            Label = TaskSettings.Label,
            Check = TaskSettings.Check,
            Settle = TaskSettings.Settle,
        },
        new("latency", "prompt and generation speed, time to first token, per-token latency, memory")
        {
            IsTimed = true,
            Settings = [.. s_model, .. s_timing, "prompt", "generate", "depth", "parallel", "seed"],
            Leads = ["pp_tps", "tg_tps"],
            Settle = KvTypes.Settle,
            Label = s =>
                string.Join(' ', ((string[])["prompt", "generate", "depth", "parallel"]).Where(k => s.Int(k) > (k == "parallel" ? 1 : 0))
                    .Select(k => $"{k} {s.Int(k)}")),
            Check = s => s.Int("prompt") == 0 && s.Int("generate") == 0
                ? ("latency with prompt 0 and generate 0 measures nothing", "give at least one of them a value above 0")
                : s.Int("parallel") > s.Int("n_batch")
                    ? ($"{s.Int("parallel")} sequences at once don't fit a batch of {s.Int("n_batch")}", "raise n_batch, or lower parallel")
                    : null,
        },
        new("load", "time and memory from opening the artifact to a ready session")
        {
            IsTimed = true,
            Settings = [.. s_model, .. s_timing],
            Leads = ["load_time", "rss_loaded"],
            Settle = KvTypes.Settle,
        },
        new("kernel",
            "speed of one kernel on one block type, beside the machine's memory bandwidth; variants are block types, e.g. ggml:Q4_0")
        {
            RunsModel = false,
            IsTimed = true,
            Settings = [.. s_timing, "threads", "op", "shape", "tokens", "cache"],
            Leads = ["kernel_bandwidth", "kernel_bandwidth_share", "kernel_flops"],
            Label = s => $"{s.Text("op")} {s.Text("shape")}{(s.Has("tokens") ? $" x {s.Int("tokens")}" : "")}",
            Settle = s => s.Text("op") == "matmat" ? s : s.Without("tokens"), // only matmat takes several
        },
        new("onnx-latency", "time per run of any ONNX model, and the error of its outputs against a reference variant")
        {
            IsTimed = true,
            Settings = [.. s_model, .. s_timing, "reference", "reference_file", "shapes", "inputs", "seed"],
            Leads = ["run_latency", "output_error"],
        },
        new("serve", "a server under load: time to first token, between tokens and in all, throughput, goodput under an SLO, errors")
        {
            IsTimed = true,
            NeedsServer = true,
            Settings =
            [
                "launches", "arrivals", "concurrency", "rate", "ramp_to", "burstiness", "trace", "warmup", "duration", "requests",
                "prompt_tokens", "output_tokens", "shared_prefix", "turns", "think_time", "request_timeout", "stall_timeout", "slo",
                "search", "seed",
            ],
            Leads = ["goodput", "serve_capacity", "requests_per_second", "serve_ttft"],
            Label = ServeSettings.Label,
            Check = ServeSettings.Check,
            Settle = ServeSettings.Settle,
        },
    ];

    /// <summary>Prompt and generation of a model, where speed and memory in use are measured.</summary>
    public static WorkloadDefinition Latency { get; }

    /// <summary>Single kernels, which a command of their own can run.</summary>
    public static WorkloadDefinition Kernel { get; }

    /// <summary>Servers under load.</summary>
    public static WorkloadDefinition Serve { get; }

    /// <summary>The workload of a name, or null.</summary>
    public static WorkloadDefinition? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>The workload of a cell; of one that this build doesn't know, that it runs a model and no more.</summary>
    public static WorkloadDefinition Of(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return Of(cell.Workload);
    }

    /// <summary>The workload of a name, as of a cell.</summary>
    public static WorkloadDefinition Of(string name) => Find(name) ?? new WorkloadDefinition(name, "");

    /// <summary>Where a workload stands among those that a metric may be taken from, the least first: those that the metric names, then the
    /// others in the table's order, timed ones first unless the metric is about quality.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="workload">A workload's name.</param>
    public static int Place(MetricDefinition metric, string workload)
    {
        ArgumentNullException.ThrowIfNull(metric);
        int named = metric.From.IndexOf(workload);
        if (named >= 0) return named;
        if (Find(workload) is not { } known) return int.MaxValue;
        int late = metric.Kind == MetricKind.Quality || known.IsTimed ? 1 : 2;
        return (late * All.Length) + All.IndexOf(known);
    }

    private static (string Problem, string Hint)? CheckReference(CellSettings settings)
    {
        if (settings.Text("reference").Length == 0)
            return ("divergence has no reference to compare with", "add the variant that counts as exact, e.g. reference: gguf:F32");
        return settings.Text("reference_backend") is { Length: > 0 } named && !BackendId.TryParse(named, out _)
            ? ($"reference_backend: '{named}' is not engine/device", "e.g. reference_backend: {backend}") : null;
    }
}
