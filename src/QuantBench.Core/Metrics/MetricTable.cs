using System.Collections.Frozen;
using System.Collections.Immutable;

namespace QuantBench.Core.Metrics;

/// <summary>
/// Every metric. To add one: an entry here, and an evaluator that emits it; tables, exports, gates and pages read this table. Names are a
/// contract with files already written: they are never renamed, and figures of names that stand here no more are kept and shown by name.
/// </summary>
public static class MetricTable
{
    private static readonly ImmutableArray<string> s_latency = ["latency"];
    private static readonly ImmutableArray<string> s_kernel = ["kernel"];
    private static readonly ImmutableArray<string> s_serve = ["serve"];
    private static readonly ImmutableArray<string> s_task = ["task"];
    private static readonly ImmutableArray<string> s_tensors = ["onnx-latency"];
    private static readonly ImmutableArray<string> s_divergence = ["divergence"];
    private static readonly ImmutableArray<string> s_scored = ["perplexity", "divergence"];
    private static readonly ImmutableArray<string> s_files = ["load", "latency", "perplexity", "divergence", "onnx-latency"];
    private static readonly ImmutableArray<string> s_models = ["latency", "load", "perplexity", "divergence", "onnx-latency"];

    private static readonly ImmutableArray<MetricDefinition> s_all =
    [
        Quality("perplexity", "1", Direction.Lower, "Perplexity",
            "exp of the mean negative log-likelihood per scored token, llama-perplexity's definition")
            with { Headline = 1, IsWatched = true, From = s_scored, Column = new(3, "Perplexity", "± SE") { LeastDecimals = 2 } },
        Quality("bits_per_byte", "bit/B", Direction.Lower, "Bits per byte",
            "negative log-likelihood per byte of text; independent of the tokenizer"),
        Quality("ppl_ratio", "1", Direction.Lower, "PPL ratio", "perplexity over the reference variant's on the same tokens; paired error")
            with { OfReference = 1 },
        Quality("ppl_difference", "1", Direction.Lower, "PPL difference",
            "perplexity minus the reference variant's on the same tokens; paired error") with { OfReference = 0, IsAroundZero = true },
        Quality("ln_ppl_ratio", "nat", Direction.Lower, "ln PPL ratio",
            "mean difference of negative log-likelihoods to the reference; paired error") with { OfReference = 0, IsAroundZero = true },
        Quality("nll_correlation", "1", Direction.Higher, "NLL correlation", "correlation of the two negative log-likelihood series")
            with { OfReference = 1 },
        Quality("kl_mean", "nat", Direction.Lower, "Mean KL",
            "mean KL divergence of the variant's next-token distribution from the reference's")
            with { Headline = 2, IsWatched = true, OfReference = 0, From = s_divergence, Column = new(4, "Mean KL", "nat") },
        Quality("kl_median", "nat", Direction.Lower, "Median KL", "median KL divergence") with { OfReference = 0 },
        Quality("kl_p90", "nat", Direction.Lower, "KL p90", "90th percentile of the KL divergence") with { OfReference = 0 },
        Quality("kl_p95", "nat", Direction.Lower, "KL p95", "95th percentile of the KL divergence") with { OfReference = 0 },
        Quality("kl_p99", "nat", Direction.Lower, "KL p99", "99th percentile of the KL divergence") with { OfReference = 0 },
        Quality("kl_p999", "nat", Direction.Lower, "KL p99.9", "99.9th percentile of the KL divergence") with { OfReference = 0 },
        Quality("kl_max", "nat", Direction.Lower, "Max KL", "largest KL divergence") with { OfReference = 0 },
        Quality("kl_floor", "nat", Direction.None, "KL floor",
            "mean KL of the reference from a run of its own weights that rounds once per layer; KL below twice that isn't told from noise"),
        Quality("kl_bound", "nat", Direction.None, "KL bound",
            "most that the mean KL may be off because the reference's file keeps no whole distributions") with { OfReference = 0 },
        Quality("kl_confidence_1", "nat", Direction.Lower, "KL, unsure", "mean KL where the reference's top token has less than 0.2")
            with { OfReference = 0 },
        Quality("kl_confidence_2", "nat", Direction.Lower, "KL at 0.2 to 0.4", "mean KL where the reference's top token has 0.2 to 0.4")
            with { OfReference = 0 },
        Quality("kl_confidence_3", "nat", Direction.Lower, "KL at 0.4 to 0.6", "mean KL where the reference's top token has 0.4 to 0.6")
            with { OfReference = 0 },
        Quality("kl_confidence_4", "nat", Direction.Lower, "KL at 0.6 to 0.8", "mean KL where the reference's top token has 0.6 to 0.8")
            with { OfReference = 0 },
        Quality("kl_confidence_5", "nat", Direction.Lower, "KL, sure", "mean KL where the reference's top token has 0.8 or more")
            with { OfReference = 0 },
        Quality("kl_depth_1", "nat", Direction.Lower, "KL, 1st quarter", "mean KL in the first quarter of a chunk's scored positions")
            with { OfReference = 0 },
        Quality("kl_depth_2", "nat", Direction.Lower, "KL, 2nd quarter", "mean KL in the second quarter of a chunk's scored positions")
            with { OfReference = 0 },
        Quality("kl_depth_3", "nat", Direction.Lower, "KL, 3rd quarter", "mean KL in the third quarter of a chunk's scored positions")
            with { OfReference = 0 },
        Quality("kl_depth_4", "nat", Direction.Lower, "KL, last quarter",
            "mean KL in the last quarter of a chunk's scored positions, where most text stands before them") with { OfReference = 0 },
        Quality("kl_reverse", "nat", Direction.Lower, "Reverse KL",
            "mean KL divergence of the reference's next-token distribution from the variant's") with { OfReference = 0 },
        Quality("js_divergence", "nat", Direction.Lower, "Jensen-Shannon",
            "mean Jensen-Shannon divergence of the two next-token distributions")
            with { OfReference = 0 },
        Quality("nonfinite_positions", "1", Direction.Lower, "Not finite",
            "scored positions without a figure, because a logit isn't finite"),
        Quality("same_top", "1", Direction.Higher, "Same top token", "share of positions where the most likely token is the reference's")
            with { Headline = 3, IsShare = true, OfReference = 1, From = s_divergence, Column = new(5, "Same top") },
        Quality("same_top5", "1", Direction.Higher, "Same top five",
            "share of the reference's five most likely tokens among the variant's five") with { IsShare = true, OfReference = 1 },
        Quality("delta_p_mean", "1", Direction.None, "Mean Δp", "mean change of the true token's probability")
            with { OfReference = 0, IsAroundZero = true },
        Quality("delta_p_rms", "1", Direction.Lower, "RMS Δp", "root mean square change of the true token's probability")
            with { OfReference = 0 },
        Quality("delta_p_p01", "1", Direction.None, "Δp p1", "1st percentile of the change of the true token's probability")
            with { IsAroundZero = true },
        Quality("delta_p_p05", "1", Direction.None, "Δp p5", "5th percentile of the change of the true token's probability")
            with { IsAroundZero = true },
        Quality("delta_p_median", "1", Direction.None, "Median Δp", "median change of the true token's probability")
            with { IsAroundZero = true },
        Quality("delta_p_p95", "1", Direction.None, "Δp p95", "95th percentile of the change of the true token's probability")
            with { IsAroundZero = true },
        Quality("delta_p_p99", "1", Direction.None, "Δp p99", "99th percentile of the change of the true token's probability")
            with { IsAroundZero = true },
        Quality("task_accuracy", "1", Direction.Higher, "Accuracy", "share of the task's items that are answered right")
            with { IsShare = true, From = s_task, Column = new(26, "Accuracy") },
        Quality("task_recovery", "1", Direction.Higher, "Recovery", "accuracy over the reference variant's on the same items")
            with { IsShare = true, OfReference = 1, From = s_task, Column = new(27, "Recovery") },
        Quality("task_flips", "1", Direction.Lower, "Flips",
            "share of items that are right in one of variant and reference and wrong in the other")
            with { IsShare = true, OfReference = 0, From = s_task, Column = new(28, "Flips") },
        Quality("task_lost", "1", Direction.Lower, "Flips to wrong", "share of items that the reference has right and the variant wrong")
            with { IsShare = true, OfReference = 0 },
        Quality("task_gained", "1", Direction.Higher, "Flips to right", "share of items that the reference has wrong and the variant right")
            with { IsShare = true, OfReference = 0 },
        Quality("task_flip_p", "1", Direction.None, "Flips, McNemar's p",
            "how likely flips are to fall this unevenly by chance: exact McNemar test, two-sided"),
        Quality("task_same_answer", "1", Direction.Higher, "Same answer",
            "share of items that are answered as the reference does, right or not")
            with { IsShare = true, OfReference = 1 },
        Timing("pp_tps", "token/s", Direction.Higher, "Prompt speed", "prompt tokens processed per second")
            with { Headline = 5, IsWatched = true, From = s_latency }
            with { Column = new(6, "pp", "token/s") { Settings = ["prompt", "depth", "parallel"] } },
        Timing("tg_tps", "token/s", Direction.Higher, "Generation speed", "tokens generated per second")
            with { Headline = 4, IsWatched = true, From = s_latency }
            with { Column = new(7, "tg", "token/s") { Settings = ["generate", "depth", "parallel"] } },
        Timing("ttft", "ms", Direction.Lower, "Time to first token", "from the first prompt token handed over to the first logits read")
            with { Headline = 6, IsWatched = true, HasPercentiles = true, From = s_latency }
            with { Column = new(8, "TTFT", "ms") { Settings = ["prompt"] } },
        Timing("token_latency", "ms", Direction.Lower, "Token latency", "time per generated token")
            with { HasPercentiles = true, From = s_latency, Column = new(9, "Token p50", "ms") { IsRounded = true, P99 = "Token p99" } },
        Timing("load_time", "ms", Direction.Lower, "Load time",
            "opening the artifact until a session is ready; file pages cached by the OS")
            with { Headline = 7, HasPercentiles = true, From = ["load", "latency", "perplexity"], Column = new(15, "Load", "ms") },
        Timing("pp_energy", "J", Direction.Lower, "Prompt energy",
            "energy per prompt token of the machine's processors, where a counter is readable"),
        Timing("tg_energy", "J", Direction.Lower, "Generation energy",
            "energy per generated token of the machine's processors, where a counter is readable"),
        Timing("run_latency", "ms", Direction.Lower, "Run latency", "time of one run of a model with tensors in and out")
            with { From = s_tensors, Column = new(13, "Run", "ms") },
        Timing("runs_per_second", "1/s", Direction.Higher, "Runs per second",
            "runs of a model with tensors in and out, one after the other"),
        Quality("output_error", "1", Direction.Lower, "Output error",
            "root mean square difference of all outputs to the reference's, over the root mean square of the reference's")
            with { From = s_tensors, Column = new(14, "Output error") { IsRounded = true } },
        Quality("output_error_max", "1", Direction.Lower, "Max output error",
            "largest difference of an output element, over the largest magnitude of that output of the reference"),
        Timing("eval_tps", "token/s", Direction.Higher, "Evaluation speed",
            "tokens per second of the quality evaluation, scoring included"),
        Size("artifact_size", "Artifact", "bytes of the artifact's files")
            with { Headline = 9, IsExact = true, From = s_files, Column = new(2, "Size") },
        Size("weights_size", "Weights", "bytes of weights the engine reports") with { IsExact = true },
        Size("kv_cache_size", "KV cache", "bytes of the KV cache the engine reports") with { IsExact = true },
        Size("compute_size", "Compute buffers", "bytes of compute buffers the engine reports") with { IsExact = true },
        Planned("weights_planned", "Weights, planned", "bytes of weights that were expected before the model was loaded"),
        Planned("kv_cache_planned", "KV cache, planned", "bytes of the KV cache that were expected before the model was loaded"),
        Planned("compute_planned", "Compute, planned", "bytes of compute buffers that were expected before the model was loaded"),
        Size("rss_loaded", "Resident, loaded", "resident memory of the process after the session is ready, from the OS"),
        Size("rss_prefill", "Resident, prefilled", "resident memory of the process after the first prompt, from the OS"),
        Size("rss_peak", "Resident, peak", "largest resident memory of the process, the kernel's own figure")
            with { Headline = 8, IsWatched = true, From = s_models, Column = new(16, "Peak RSS") },
        Size("server_rss_peak", "Server, resident",
            "largest resident memory of a server's process tree while the cell was measured: the sum "
            + "over its processes, sampled ten times a second") with { IsWatched = true },
        Size("server_pss_peak", "Server, proportional",
            "as the server's resident memory, but a page that n processes share counts 1/n in each; sampled once a second at most"),
        Size("device_memory", "Device memory", "bytes taken on the device, where the driver tells"),
        new MetricDefinition("bits_per_weight", "bit", Direction.Lower, MetricKind.Size, "Bits per weight",
            "bits of all tensors over number of weights, measured from the artifact")
            with { Headline = 10, IsExact = true, From = s_files, Column = new(1, "Bits/weight") { LeastDecimals = 2 } },
        Timing("kernel_bandwidth", "B/s", Direction.Higher, "Kernel bandwidth",
            "bytes a kernel must read and write per second: weights as the file holds them, float inputs and outputs, each counted once")
            with { From = s_kernel, Column = new(10, "Bandwidth", "GB/s") { Settings = ["op"] } },
        Timing("kernel_flops", "FLOP/s", Direction.Higher, "Kernel speed",
            "floating-point operations per second of a kernel: two per weight and token")
            with { From = s_kernel, Column = new(12, "Speed", "GFLOP/s") { Settings = ["op"] } },
        Timing("kernel_bandwidth_share", "1", Direction.Higher, "Share of memory bandwidth",
            "kernel bandwidth over the memory bandwidth that the run measured on this machine")
            with { IsShare = true, From = s_kernel, Column = new(11, "Of memory's") { Settings = ["op"] } },
        Timing("goodput", "1/s", Direction.Higher, "Goodput", "requests per second that a server answered within every limit of the SLO")
            with { From = s_serve, Column = new(17, "Goodput", "1/s") },
        Timing("serve_capacity", "1/s", Direction.Higher, "Capacity",
            "highest rate of requests at which a server kept the SLO; its interval ends where it surely did and where it surely didn't")
            with { From = s_serve, Column = new(18, "Capacity", "1/s") },
        Timing("requests_per_second", "1/s", Direction.Higher, "Requests per second", "requests per second that a server answered")
            with { From = s_serve, Column = new(19, "Requests", "1/s") },
        Timing("serve_tps", "token/s", Direction.Higher, "Served speed", "tokens per second of all of a server's answers together")
            with { From = s_serve, Column = new(20, "Served", "token/s") },
        Timing("request_tps", "token/s", Direction.Higher, "Speed per request", "tokens per second of one answer, from its first token on")
            with { From = s_serve },
        Timing("server_request_tps", "token/s", Direction.Higher, "Speed per request, server's",
            "tokens per second of one answer from its first token on, by the server's own clock") with { From = s_serve },
        Timing("server_speed_ratio", "1", Direction.None, "Client's speed over the server's",
            "speed per request as the client saw it, over what the server's own clock says of the same requests") with { From = s_serve },
        Timing("server_prompt_time", "ms", Direction.Lower, "Prompt time, server's", "time for the prompt by the server's own clock")
            with { HasPercentiles = true, From = s_serve },
        Timing("server_ttft", "ms", Direction.Lower, "Time to first token, server's",
            "mean time to the first token by the server's own counters, of all requests of a launch, warm-up included")
            with { From = s_serve },
        Timing("server_itl", "ms", Direction.Lower, "Inter-token latency, server's",
            "mean time per token by the server's own counters, of all requests of a launch, warm-up included") with { From = s_serve },
        Timing("server_queue_time", "ms", Direction.Lower, "Queue time, server's",
            "mean time that requests waited before they were worked on, by the server's own counters") with { From = s_serve },
        Timing("serve_ttft", "ms", Direction.Lower, "Served time to first token",
            "from the intended moment of sending to the first token of the reply, reasoning included")
            with { HasPercentiles = true, From = s_serve, Column = new(21, "Served TTFT", "ms") },
        Timing("serve_ttft_tail", "ms", Direction.Lower, "Served TTFT, 99th percentile", "99th percentile of the time to first token")
            with { From = s_serve, Column = new(22, "TTFT p99", "ms") },
        Timing("serve_answer", "ms", Direction.Lower, "Served time to answer",
            "from the intended moment of sending to the first token behind reasoning; only where there was some")
            with { HasPercentiles = true, From = s_serve },
        Timing("serve_itl", "ms", Direction.Lower, "Inter-token latency", "time between one event with tokens and the next")
            with { HasPercentiles = true, From = s_serve, Column = new(23, "ITL", "ms") },
        Timing("serve_itl_tail", "ms", Direction.Lower, "Inter-token latency, 99th percentile",
            "99th percentile of the time between one event with tokens and the next")
            with { From = s_serve, Column = new(24, "ITL p99", "ms") },
        Timing("serve_tpot", "ms", Direction.Lower, "Time per output token",
            "time from the first token to the last over the tokens behind the first, of each request")
            with { HasPercentiles = true, From = s_serve },
        Timing("serve_e2e", "ms", Direction.Lower, "End-to-end latency", "from the intended moment of sending to the end of the reply")
            with { HasPercentiles = true, From = s_serve },
        Timing("serve_e2e_tail", "ms", Direction.Lower, "End-to-end latency, 99th percentile", "99th percentile of the end-to-end latency")
            with { From = s_serve },
        Timing("error_share", "1", Direction.Lower, "Errors", "requests that failed, over all")
            with { IsShare = true, From = s_serve, Column = new(25, "Errors") },
        Timing("send_lateness", "ms", Direction.None, "Send lateness",
            "by how much requests were sent later than intended: the load generator's own fault, counted in every latency")
            with { HasPercentiles = true, From = s_serve },
        Timing("generator_cpu", "1", Direction.None, "Load generator's CPU", "cores that the load generator kept busy")
            with { From = s_serve },
    ];

    private static readonly FrozenDictionary<string, MetricDefinition> s_byName =
        s_all.ToFrozenDictionary(m => m.Name, StringComparer.Ordinal);

    /// <summary>All metrics, in the order lists have them.</summary>
    public static ImmutableArray<MetricDefinition> All => s_all;

    /// <summary>The metrics that pages offer first, in that order.</summary>
    public static ImmutableArray<MetricDefinition> Headlines { get; } =
        [.. s_all.Where(m => m.Headline is not null).OrderBy(m => m.Headline)];

    /// <summary>The metrics with a column in the table of a run, in the columns' order.</summary>
    public static ImmutableArray<MetricDefinition> Columns { get; } =
        [.. s_all.Where(m => m.Column is not null).OrderBy(m => m.Column!.Place)];

    /// <summary>Perplexity.</summary>
    public static MetricDefinition Perplexity { get; } = Get("perplexity");

    /// <summary>Perplexity over the reference's, with the paired error.</summary>
    public static MetricDefinition PerplexityRatio { get; } = Get("ppl_ratio");

    /// <summary>Mean divergence from the reference.</summary>
    public static MetricDefinition MeanDivergence { get; } = Get("kl_mean");

    /// <summary>The mean divergence by the reference's confidence, the least sure first.</summary>
    public static ImmutableArray<MetricDefinition> DivergenceByConfidence { get; } =
        [Get("kl_confidence_1"), Get("kl_confidence_2"), Get("kl_confidence_3"), Get("kl_confidence_4"), Get("kl_confidence_5")];

    /// <summary>The mean divergence by position, the first quarter first.</summary>
    public static ImmutableArray<MetricDefinition> DivergenceByDepth { get; } =
        [Get("kl_depth_1"), Get("kl_depth_2"), Get("kl_depth_3"), Get("kl_depth_4")];

    /// <summary>Speed of reading a prompt.</summary>
    public static MetricDefinition PromptSpeed { get; } = Get("pp_tps");

    /// <summary>Speed of generating: what is looked at where nothing is chosen.</summary>
    public static MetricDefinition GenerationSpeed { get; } = Get("tg_tps");

    /// <summary>Time per token.</summary>
    public static MetricDefinition TokenLatency { get; } = Get("token_latency");

    /// <summary>Time to first token.</summary>
    public static MetricDefinition TimeToFirstToken { get; } = Get("ttft");

    /// <summary>Bytes of the files.</summary>
    public static MetricDefinition ArtifactSize { get; } = Get("artifact_size");

    /// <summary>Bits per weight.</summary>
    public static MetricDefinition BitsPerWeight { get; } = Get("bits_per_weight");

    /// <summary>Bytes of weights in memory.</summary>
    public static MetricDefinition WeightsSize { get; } = Get("weights_size");

    /// <summary>Bytes of the KV cache.</summary>
    public static MetricDefinition KvCacheSize { get; } = Get("kv_cache_size");

    /// <summary>Bytes of compute buffers.</summary>
    public static MetricDefinition ComputeSize { get; } = Get("compute_size");

    /// <summary>What weights, KV cache and compute buffers were expected to take.</summary>
    public static ImmutableArray<MetricDefinition> PlannedMemory { get; } =
        [Get("weights_planned"), Get("kv_cache_planned"), Get("compute_planned")];

    /// <summary>Largest resident memory.</summary>
    public static MetricDefinition PeakMemory { get; } = Get("rss_peak");

    /// <summary>Share of a task's items that are answered right.</summary>
    public static MetricDefinition Accuracy { get; } = Get("task_accuracy");

    /// <summary>Accuracy over the reference's.</summary>
    public static MetricDefinition Recovery { get; } = Get("task_recovery");

    /// <summary>Requests per second that kept the SLO.</summary>
    public static MetricDefinition Goodput { get; } = Get("goodput");

    /// <summary>Requests per second that a server answered.</summary>
    public static MetricDefinition RequestsPerSecond { get; } = Get("requests_per_second");

    /// <summary>Time to a server's first token.</summary>
    public static MetricDefinition ServedFirstToken { get; } = Get("serve_ttft");

    /// <summary>Its 99th percentile.</summary>
    public static MetricDefinition ServedFirstTokenTail { get; } = Get("serve_ttft_tail");

    /// <summary>Bytes per second of a kernel.</summary>
    public static MetricDefinition KernelBandwidth { get; } = Get("kernel_bandwidth");

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

    private static MetricDefinition Planned(string name, string title, string description) =>
        new(name, "B", Direction.None, MetricKind.Size, title, description) { IsExact = true };

    private static MetricDefinition Size(string name, string title, string description) =>
        new(name, "B", Direction.Lower, MetricKind.Size, title, description);
}
