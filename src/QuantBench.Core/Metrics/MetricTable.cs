using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace QuantBench.Core.Metrics;

/// <summary>Which way of a metric is the better one.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Direction>))]
public enum Direction
{
    /// <summary>Less is better.</summary>
    [JsonStringEnumMemberName("lower")]
    Lower,

    /// <summary>More is better.</summary>
    [JsonStringEnumMemberName("higher")]
    Higher,

    /// <summary>Neither: a description.</summary>
    [JsonStringEnumMemberName("none")]
    None,
}

/// <summary>What a metric's figure is about; decides what must match before two figures are compared.</summary>
public enum MetricKind
{
    /// <summary>Depends on model, text and tokenizer: compared only under one protocol id.</summary>
    Quality,

    /// <summary>A timing or rate: compared only where the fingerprints allow it.</summary>
    Timing,

    /// <summary>Bytes in memory or on disk.</summary>
    Size,

    /// <summary>Energy.</summary>
    Energy,
}

/// <summary>One metric.</summary>
/// <param name="Name">The name, the same in files, store, command line and pages.</param>
/// <param name="Unit">SI unit as DESIGN §9 writes it: <c>1</c>, <c>bit/B</c>, <c>nat</c>, <c>token/s</c>, <c>ms</c>, <c>B</c>, <c>bit</c>,
/// <c>J</c>, <c>B/s</c>, <c>FLOP/s</c>.</param>
/// <param name="Direction">Which way is better.</param>
/// <param name="Kind">What it is about.</param>
/// <param name="Title">Short title for table heads and axes, without the unit.</param>
/// <param name="Description">One sentence for help texts and tooltips.</param>
public sealed record MetricDefinition(string Name, string Unit, Direction Direction, MetricKind Kind, string Title, string Description);

/// <summary>
/// Every metric. To add one: add a line here and emit it from an evaluator; tables, exports, gates and pages read this table.
/// Names are a contract with files already written: they are never renamed.
/// </summary>
public static class MetricTable
{
    private static readonly ImmutableArray<MetricDefinition> s_all =
    [
        Quality("perplexity", "1", Direction.Lower, "Perplexity",
            "exp of the mean negative log-likelihood per scored token, llama-perplexity's definition"),
        Quality("bits_per_byte", "bit/B", Direction.Lower, "Bits per byte",
            "negative log-likelihood per byte of text; independent of the tokenizer"),
        Quality("ppl_ratio", "1", Direction.Lower, "PPL ratio", "perplexity over the reference variant's on the same tokens; paired error"),
        Quality("ppl_difference", "1", Direction.Lower, "PPL difference",
            "perplexity minus the reference variant's on the same tokens; paired error"),
        Quality("ln_ppl_ratio", "nat", Direction.Lower, "ln PPL ratio",
            "mean difference of negative log-likelihoods to the reference; paired error"),
        Quality("nll_correlation", "1", Direction.Higher, "NLL correlation", "correlation of the two negative log-likelihood series"),
        Quality("kl_mean", "nat", Direction.Lower, "Mean KL",
            "mean KL divergence of the variant's next-token distribution from the reference's"),
        Quality("kl_median", "nat", Direction.Lower, "Median KL", "median KL divergence"),
        Quality("kl_p90", "nat", Direction.Lower, "KL p90", "90th percentile of the KL divergence"),
        Quality("kl_p95", "nat", Direction.Lower, "KL p95", "95th percentile of the KL divergence"),
        Quality("kl_p99", "nat", Direction.Lower, "KL p99", "99th percentile of the KL divergence"),
        Quality("kl_p999", "nat", Direction.Lower, "KL p99.9", "99.9th percentile of the KL divergence"),
        Quality("kl_max", "nat", Direction.Lower, "Max KL", "largest KL divergence"),
        Quality("same_top", "1", Direction.Higher, "Same top token", "share of positions where the most likely token is the reference's"),
        Quality("delta_p_mean", "1", Direction.None, "Mean Δp", "mean change of the true token's probability"),
        Quality("delta_p_rms", "1", Direction.Lower, "RMS Δp", "root mean square change of the true token's probability"),
        Quality("delta_p_p01", "1", Direction.None, "Δp p1", "1st percentile of the change of the true token's probability"),
        Quality("delta_p_p05", "1", Direction.None, "Δp p5", "5th percentile of the change of the true token's probability"),
        Quality("delta_p_median", "1", Direction.None, "Median Δp", "median change of the true token's probability"),
        Quality("delta_p_p95", "1", Direction.None, "Δp p95", "95th percentile of the change of the true token's probability"),
        Quality("delta_p_p99", "1", Direction.None, "Δp p99", "99th percentile of the change of the true token's probability"),
        Timing("pp_tps", "token/s", Direction.Higher, "Prompt speed", "prompt tokens processed per second"),
        Timing("tg_tps", "token/s", Direction.Higher, "Generation speed", "tokens generated per second"),
        Timing("ttft", "ms", Direction.Lower, "Time to first token", "from the first prompt token handed over to the first logits read"),
        Timing("token_latency", "ms", Direction.Lower, "Token latency", "time per generated token"),
        Timing("load_time", "ms", Direction.Lower, "Load time",
            "opening the artifact until a session is ready; file pages cached by the OS"),
        Timing("run_latency", "ms", Direction.Lower, "Run latency", "time of one run of a model with tensors in and out"),
        Timing("runs_per_second", "1/s", Direction.Higher, "Runs per second",
            "runs of a model with tensors in and out, one after the other"),
        Quality("output_error", "1", Direction.Lower, "Output error",
            "root mean square difference of all outputs to the reference's, over the root mean square of the reference's"),
        Quality("output_error_max", "1", Direction.Lower, "Max output error",
            "largest difference of an output element, over the largest magnitude of that output of the reference"),
        Timing("eval_tps", "token/s", Direction.Higher, "Evaluation speed",
            "tokens per second of the quality evaluation, scoring included"),
        Size("artifact_size", "Artifact", "bytes of the artifact's files"),
        Size("weights_size", "Weights", "bytes of weights the engine reports"),
        Size("kv_cache_size", "KV cache", "bytes of the KV cache the engine reports"),
        Size("compute_size", "Compute buffers", "bytes of compute buffers the engine reports"),
        Size("rss_loaded", "Resident, loaded", "resident memory of the process after the session is ready, from the OS"),
        Size("rss_prefill", "Resident, prefilled", "resident memory of the process after the first prompt, from the OS"),
        Size("rss_peak", "Resident, peak", "largest resident memory of the process, the kernel's own figure"),
        Size("device_memory", "Device memory", "bytes taken on the device, where the driver tells"),
        new("bits_per_weight", "bit", Direction.Lower, MetricKind.Size, "Bits per weight",
            "bits of all tensors over number of weights, measured from the artifact"),
        new("energy_per_token", "J", Direction.Lower, MetricKind.Energy, "Energy per token",
            "energy per token, where a counter is readable"),
        Timing("requests_per_second", "1/s", Direction.Higher, "Requests per second", "finished requests per second"),
        Timing("goodput", "1/s", Direction.Higher, "Goodput", "requests per second that met their limits"),
        Timing("kernel_bandwidth", "B/s", Direction.Higher, "Kernel bandwidth",
            "bytes a kernel must read and write per second: weights as the file holds them, float inputs and outputs, each counted once"),
        Timing("kernel_flops", "FLOP/s", Direction.Higher, "Kernel speed",
            "floating-point operations per second of a kernel: two per weight and token"),
        Timing("kernel_bandwidth_share", "1", Direction.Higher, "Share of memory bandwidth",
            "kernel bandwidth over the memory bandwidth that the run measured on this machine"),
    ];

    private static readonly FrozenDictionary<string,
        MetricDefinition> s_byName = s_all.ToFrozenDictionary(m => m.Name, StringComparer.Ordinal);

    /// <summary>All metrics, in the order tables list them.</summary>
    public static ImmutableArray<MetricDefinition> All => s_all;

    /// <summary>The metric of a name, or null.</summary>
    public static MetricDefinition? Find(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>The metric of a name that is known to exist.</summary>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public static MetricDefinition Get(string name) =>
        Find(name) ?? throw new ArgumentException($"there is no metric '{name}'", nameof(name));

    private static MetricDefinition Quality(string name, string unit, Direction direction, string title, string description) =>
        new(name, unit, direction, MetricKind.Quality, title, description);

    private static MetricDefinition Timing(string name, string unit, Direction direction, string title, string description) =>
        new(name, unit, direction, MetricKind.Timing, title, description);

    private static MetricDefinition Size(string name, string title, string description) =>
        new(name, "B", Direction.Lower, MetricKind.Size, title, description);
}
