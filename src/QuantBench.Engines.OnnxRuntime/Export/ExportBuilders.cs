using System.Collections.Immutable;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>The artifact builders of this engine.</summary>
internal static class ExportBuilders
{
    /// <summary>Makes them.</summary>
    /// <param name="environment">What the engine is given.</param>
    public static ImmutableArray<IArtifactBuilder> Create(EngineEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return [new OnnxExportBuilder()];
    }
}
