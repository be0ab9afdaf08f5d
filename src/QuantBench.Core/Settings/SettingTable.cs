using System.Collections.Frozen;
using System.Collections.Immutable;

namespace QuantBench.Core.Settings;

/// <summary>Type of a setting's value.</summary>
public enum SettingKind
{
    /// <summary>Whole number.</summary>
    Integer,

    /// <summary>Floating-point number.</summary>
    Number,

    /// <summary>true or false.</summary>
    Flag,

    /// <summary>One of <see cref="SettingDefinition.Choices"/>, or free text when there are none.</summary>
    Text,
}

/// <summary>One setting that a suite may give to cells.</summary>
/// <param name="Key">The key, the same in YAML, JSON and on the command line (with dashes).</param>
/// <param name="Kind">Type of the value.</param>
/// <param name="Default">Value when nothing is set; of the kind's CLR type.</param>
/// <param name="Description">One line for the JSON Schema and <c>--help</c>.</param>
/// <param name="Min">Smallest allowed number.</param>
/// <param name="Max">Largest allowed number.</param>
/// <param name="Choices">Allowed texts; empty means any.</param>
public sealed record SettingDefinition(
    string Key,
    SettingKind Kind,
    object Default,
    string Description,
    double Min = double.NegativeInfinity,
    double Max = double.PositiveInfinity,
    ImmutableArray<string> Choices = default);

/// <summary>
/// Every setting that isn't an engine's own. To add one: add a line here, and its key to the workloads of <c>WorkloadTable</c> that take
/// it; suite validation, the JSON Schema and the docs follow. One that a single engine reads goes into its registration. Only what changes
/// the answer belongs here, since all of them enter the cell's id when set.
/// </summary>
public static class SettingTable
{
    private static readonly ImmutableArray<string> s_kvTypes =
        ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"];

    private static readonly ImmutableArray<SettingDefinition> s_all =
    [
        new("threads", SettingKind.Integer, 0L, "CPU threads; 0 = all cores this process may use", 0, 1024),
        new("n_ctx", SettingKind.Integer, 512L, "chunk length in tokens; only the second half of each chunk is scored", 8,
            1 << 20),
        new("n_batch", SettingKind.Integer, 2048L, "most tokens handed to the engine at once", 1, 1 << 20),
        new("n_ubatch", SettingKind.Integer, 512L, "most tokens the engine computes at once", 1, 1 << 20),
        new("kv_type", SettingKind.Text, "f16", "type of the KV cache", Choices: s_kvTypes),
        new("kv_type_k", SettingKind.Text, "", "type of the keys in the KV cache, where it isn't kv_type", Choices: ["", .. s_kvTypes]),
        new("kv_type_v", SettingKind.Text, "", "type of the values in the KV cache, where it isn't kv_type", Choices: ["", .. s_kvTypes]),
        new("flash_attention", SettingKind.Text, "auto", "flash attention: auto lets the engine decide",
            Choices: ["auto", "on", "off"]),
        new("gpu_layers", SettingKind.Integer, -1L, "layers kept on the device; -1 = all", -1, 4096),
        new("dataset", SettingKind.Text, "sotu", "evaluation text: a name from datasets/, or a path to a text or JSONL file"),
        new("chunks", SettingKind.Integer, 0L, "chunks to score; 0 = the whole text", 0, 1 << 24),
        new("reference", SettingKind.Text, "",
            "reference variant whose answers the others are compared with, e.g. gguf:F32"),
        new("reference_backend", SettingKind.Text, "",
            "engine/device that runs the reference, e.g. {backend}; empty = the cell's own. Needed where the cell's engine can't read "
                + "the reference's format"),
        new("divergences", SettingKind.Text, "",
            "further divergences to measure beside KL: of the reference from the variant, Jensen-Shannon",
            Choices: ["", "reverse", "js", "reverse js"]),
        new("prompt", SettingKind.Integer, 512L, "prompt tokens per repetition; 0 = measure generation only", 0, 1 << 20),
        new("generate", SettingKind.Integer, 128L, "tokens generated per repetition; 0 = measure the prompt only", 0, 1 << 20),
        new("depth", SettingKind.Integer, 0L, "tokens already in the KV cache before the measured part", 0, 1 << 20),
        new("parallel", SettingKind.Integer, 1L, "sequences that prompt and generation are run for at once; speeds are of all together",
            1, 1024),
        new("repetitions", SettingKind.Integer, 10L,
            "least repetitions; more follow until the interval is tight or the cap is reached", 1, 100_000),
        new("launches", SettingKind.Integer, 3L,
            "worker processes that measure the cell, each its share of the repetitions; never more than repetitions", 1, 100),
        new("max_repetitions", SettingKind.Integer, 200L, "most repetitions", 1, 1_000_000),
        new("target_ci", SettingKind.Number, 0.02, "wanted half-width of the 95 % interval of the median, relative to it", 0.0001,
            1),
        new("time_cap", SettingKind.Number, 10.0,
            "seconds of measuring after which no further repetition starts; prompt and generation each", 0.1, 86_400),
        new("warmup_cap", SettingKind.Number, 3.0,
            "seconds of warm-up after which measuring starts even without a steady state (marked); prompt and generation each", 0, 3_600),
        new("cores", SettingKind.Text, "",
            "cores that the cell's process may use: a list such as 0-3,6, numa:0, performance or efficiency; empty = as they come"),
        new("priority", SettingKind.Integer, 0L, "nice value of the cell's process, -20 (first) to 19 (last); 0 = as it comes", -20, 19),
        new("op", SettingKind.Text, "matvec",
            "what is done with the weights: decoded to floats, one row times one vector at a time, all rows times one vector (decode), or "
                + "times many (prefill)", Choices: ["dequantize", "vecdot", "matvec", "matmat"]),
        new("shape", SettingKind.Text, "4096x4096", "size of the weight matrix: output features x input features"),
        new("tokens", SettingKind.Integer, 128L, "vectors that matmat multiplies at once; the other ops take one", 2, 4096),
        new("cache", SettingKind.Text, "cold",
            "cold: weights come from memory, as in a model larger than the caches; hot: the same ones each time", Choices: ["cold", "hot"]),
        new("shapes", SettingKind.Text, "", "sizes of symbolic dimensions, e.g. batch=1,height=224; those not named are 1"),
        new("inputs", SettingKind.Text, "random", "random, or a directory with one NAME.npy per input"),
        new("reference_file", SettingKind.Text, "",
            "an ONNX file whose outputs on the CPU count as exact, e.g. the fp32 model that this one was quantized from"),
        new("arrivals", SettingKind.Text, "closed",
            "how requests come: closed (so many at a time), constant, poisson or gamma (open loop, by rate), trace (as a file says)",
            Choices: ["closed", "constant", "poisson", "gamma", "trace"]),
        new("concurrency", SettingKind.Integer, 1L, "requests at a time of a closed loop, and of a task on a server", 1, 4096),
        new("rate", SettingKind.Number, 1.0, "requests per second of an open loop; of a trace, how many times faster it is replayed",
            0.001, 1_000_000),
        new("ramp_to", SettingKind.Number, 0.0, "rate at the end of the measured time, reached in a straight line; 0 = no ramp", 0,
            1_000_000),
        new("burstiness", SettingKind.Number, 1.0,
            "shape of gamma arrivals: 1 is poisson, less comes in bursts, more is steadier", 0.01, 1000),
        new("trace", SettingKind.Text, "", "trace file: JSON lines with timestamp (ms), input_length, output_length, or Azure's CSV"),
        new("warmup", SettingKind.Number, 2.0, "seconds of load before the measured time of each launch", 0, 3_600),
        new("duration", SettingKind.Number, 30.0, "seconds of measured load, of all launches together", 0.1, 86_400),
        new("requests", SettingKind.Integer, 0L,
            "most measured requests, of all launches together; 0 = as many as the time has", 0, 10_000_000),
        new("prompt_tokens", SettingKind.Text, "128",
            "lengths of prompts in words of about a token: 128, uniform 64 256, normal 512 100, lognormal 512 0.8, choice 128 512"),
        new("output_tokens", SettingKind.Text, "64", "lengths of answers in tokens, written as those of prompts"),
        new("shared_prefix", SettingKind.Number, 0.0, "share of each prompt that is the same in all, at its start", 0, 1),
        new("turns", SettingKind.Integer, 1L, "turns of each conversation", 1, 100),
        new("think_time", SettingKind.Number, 0.0, "seconds between an answer and the next turn", 0, 3_600),
        new("request_timeout", SettingKind.Number, 60.0, "seconds after which a request that isn't complete has failed", 0.01, 86_400),
        new("stall_timeout", SettingKind.Number, 30.0,
            "seconds without anything of a reply after which a request has failed", 0.01, 86_400),
        new("slo", SettingKind.Text, "",
            "what requests must keep: ttft, answer, itl, tpot or e2e with a percentile and a limit, e.g. ttft_p99 500ms, itl_p99 50ms"),
        new("search", SettingKind.Text, "off", "capacity: the highest rate that keeps the slo is looked for, instead of measuring one",
            Choices: ["off", "capacity"]),
        new("set", SettingKind.Text, "mixed",
            "items of a task: arithmetic, copy, sort, needle, json, mixed (all of them), or a file of items"),
        new("items", SettingKind.Integer, 100L, "items of a task, the first ones of a file; 0 = all of a file", 0, 1_000_000),
        new("haystack", SettingKind.Integer, 400L, "words around the needle", 20, 1_000_000),
        new("answer_tokens", SettingKind.Integer, 32L, "most tokens of a generated answer", 1, 1 << 20),
        new("match", SettingKind.Text, "line",
            "when an answer is right: line (it is the expected text, spaces around it left out) or number (its last number is the expected "
                + "one)", Choices: ["line", "number"]),
        new("stop", SettingKind.Text, "\n", "text that ends an answer and isn't part of it; empty = none"),
        new("prompting", SettingKind.Text, "raw",
            "raw: the model goes on with the prompt as it stands; chat: a server puts its own chat template around it",
            Choices: ["raw", "chat"]),
        new("choice_score", SettingKind.Text, "mean",
            "which choice is the model's: by log-probability per token as llama-perplexity does, in all, or per byte of UTF-8",
            Choices: ["mean", "sum", "bytes"]),
        new("seed", SettingKind.Integer, 1L, "seed of the prompts; every repetition draws new ones", 0, long.MaxValue),
    ];

    private static readonly FrozenDictionary<string,
        SettingDefinition> s_byKey = s_all.ToFrozenDictionary(s => s.Key, StringComparer.Ordinal);

    /// <summary>All settings, in the order docs list them.</summary>
    public static ImmutableArray<SettingDefinition> All => s_all;

    /// <summary>The definition of a key, or null.</summary>
    public static SettingDefinition? Find(string key) => s_byKey.GetValueOrDefault(key);

    /// <summary>The definition of a key that is known to exist.</summary>
    /// <exception cref="ArgumentException">There is no such setting.</exception>
    public static SettingDefinition Get(string key) =>
        Find(key) ?? throw new ArgumentException($"there is no setting '{key}'", nameof(key));
}
