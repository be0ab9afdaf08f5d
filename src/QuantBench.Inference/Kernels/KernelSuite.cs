using QuantBench.Core.Engines;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;

namespace QuantBench.Inference.Kernels;

/// <summary>Suites made of a request for kernels, so that their results are runs like any other: listed, compared, exported,
/// resumed.</summary>
public static class KernelSuite
{
    /// <summary>Name of such suites.</summary>
    public const string Name = "kernels";

    /// <summary>The suite.</summary>
    /// <param name="request">What to time.</param>
    /// <param name="directory">Directory that a run of it names.</param>
    public static Suite Make(KernelRequest request, string directory) =>
        SuiteLoader.Parse(Text(request), Path.Combine(directory, $"{Name}.yaml"), directory, EngineCatalog.None);

    /// <summary>The suite as text.</summary>
    /// <param name="request">What to time.</param>
    public static string Text(KernelRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        // What makes a run short is fewer samples: a warm-up ends by itself when it is steady, and a cap that cuts it off would mark every
        // figure.
        string settings = request.Short
            ? "{ repetitions: 3, time_cap: 0.3, warmup_cap: 5 }"
            : "{ repetitions: 10, time_cap: 1.5, warmup_cap: 3 }";
        string common =
            $"shape: [{string.Join(", ", request.Shapes)}], cache: {(request.Hot ? "hot" : "cold")}, threads: {request.Threads}";
        IEnumerable<string> workloads =
            request.Ops.Select(op =>
                $"  - kernel: {{ op: {op}, {common}{(op == KernelSpec.NameOf(KernelOp.MatMat) ? $", tokens: {request.Tokens}" : "")} }}");
        return $"""
            suite: kernels
            description: Single kernels, as 'quantbench kernels run' made this suite.
            variants: [{string.Join(", ", request.Types.Select(t => $"{QuantSchemes.BlockTypeFormat}:{t}"))}]
            backends: [{string.Join(", ", request.Backends)}]
            settings: {settings}
            workloads:
            {string.Join('\n', workloads)}
            limits: {"{ cell_timeout: 5m }"}

            """.ReplaceLineEndings("\n");
    }
}
