using QuantBench.Engines.Ilgpu;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Engines.LLamaSharp;
using QuantBench.Engines.Managed;
using QuantBench.Engines.OnnxRuntime;
using QuantBench.Engines.Remote;
using QuantBench.Inference.Engines;

namespace QuantBench.Cli.Composition;

/// <summary>The engines of this installation. To add one: a project reference and one line here.</summary>
internal static class Engines
{
    /// <summary>All of them.</summary>
    public static EngineRegistry All { get; } = new(
    [
        LlamaCppEngine.Registration,
        ManagedEngine.Registration,
        OnnxRuntimeEngine.Registration,
        IlgpuEngine.Registration,
        LLamaSharpEngine.Registration,
        RemoteEngine.Registration,
    ]);
}
