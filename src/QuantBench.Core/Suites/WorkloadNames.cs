using System.Collections.Immutable;

namespace QuantBench.Core.Suites;

/// <summary>A workload that suites may name.</summary>
/// <param name="Name">The name in suites, cells and on the command line.</param>
/// <param name="IsTiming">Whether it measures time, so that cells of it are ordered for fair comparison; otherwise it measures
/// quality.</param>
/// <param name="Description">One line for help texts and the JSON Schema.</param>
/// <param name="RunsModel">Whether it runs a model; otherwise it needs no artifact, and its cells stand under
/// <see cref="WorkloadNames.NoModel"/>.</param>
public sealed record WorkloadName(string Name, bool IsTiming, string Description, bool RunsModel = true);

/// <summary>Every workload a suite may name. To add one: a line here, its settings in <c>SettingTable</c>, its evaluator in
/// <c>WorkloadTable</c>.</summary>
public static class WorkloadNames
{
    /// <summary>What stands for the model in cells of workloads that run none.</summary>
    public const string NoModel = "kernels";

    /// <summary>All workloads, in the order help texts list them.</summary>
    public static ImmutableArray<WorkloadName> All { get; } =
    [
        new("perplexity", false, "perplexity and bits per byte on a text, by llama-perplexity's definition"),
        new("divergence", false, "Kullback-Leibler divergence, same-top share and perplexity ratio against a reference variant"),
        new("latency", true, "prompt and generation speed, time to first token, per-token latency, memory"),
        new("load", true, "time and memory from opening the artifact to a ready session"),
        new("kernel", true,
            "speed of one kernel on one block type, beside the machine's memory bandwidth; variants are block types, e.g. ggml:Q4_0",
            RunsModel: false),
        new("onnx-latency", true, "time per run of any ONNX model, and the error of its outputs against a reference variant"),
    ];

    /// <summary>The workload of a name, or null.</summary>
    public static WorkloadName? Find(string name) => All.FirstOrDefault(w => w.Name == name);

    /// <summary>Whether cells of a workload run a model; true for names that aren't known.</summary>
    public static bool RunsModel(string name) => Find(name)?.RunsModel ?? true;
}
