using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes <c>gguf:F32</c>, <c>gguf:F16</c> and <c>gguf:BF16</c> from a Hugging Face directory; needs no engine.</summary>
public sealed class HuggingFaceGgufBuilder : IArtifactBuilder
{
    /// <inheritdoc/>
    public string Name => "hf-to-gguf";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        if (FloatType(artifactName) is null) return Support.No($"{Name} makes gguf:F32, gguf:F16 and gguf:BF16, not {artifactName}");
        return DirectorySources.HaveFloats(source, Name);
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) => new(
        Name, $"converter {HuggingFaceToGguf.Version}", [],
        ImmutableSortedDictionary<string, string>.Empty.Add("type", Known(artifactName).ToString()));

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        HuggingFaceToGguf.Convert(request.Source.Path, request.OutputPath, Known(request.ArtifactName), progress, cancellationToken);
    }

    private static GgmlType Known(string artifactName) =>
        FloatType(artifactName) ?? throw new ArgumentException($"'{artifactName}' isn't a float variant", nameof(artifactName));

    private static GgmlType? FloatType(string artifactName) =>
        !Variant.TryParse(artifactName, out Variant? variant) ? null : variant?.Id switch
        {
            "gguf:F32" => GgmlType.F32,
            "gguf:F16" => GgmlType.F16,
            "gguf:BF16" => GgmlType.BF16,
            _ => null,
        };
}
