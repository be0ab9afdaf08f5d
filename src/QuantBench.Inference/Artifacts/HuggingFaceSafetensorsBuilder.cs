using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes <c>safetensors:F32</c>, <c>safetensors:F16</c> and <c>safetensors:BF16</c> from a Hugging Face directory of float
/// weights.</summary>
public sealed class HuggingFaceSafetensorsBuilder : IArtifactBuilder
{
    /// <inheritdoc/>
    public string Name => "hf-to-safetensors";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        if (FloatType(artifactName) is null)
            return Support.No($"{Name} makes safetensors:F32, safetensors:F16 and safetensors:BF16, not {artifactName}");
        return DirectorySources.HaveFloats(source, Name);
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) => new(
        Name, $"converter {HuggingFaceToSafetensors.Version}", [],
        ImmutableSortedDictionary<string, string>.Empty.Add("type", Known(artifactName).ToString()));

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        HuggingFaceToSafetensors.Convert(request.Source.Path, request.OutputPath, Known(request.ArtifactName), progress, cancellationToken);
    }

    private static SafetensorsDType Known(string artifactName) =>
        FloatType(artifactName)
            ?? throw new ArgumentException($"'{artifactName}' isn't a float variant of safetensors", nameof(artifactName));

    private static SafetensorsDType? FloatType(string artifactName) =>
        !Variant.TryParse(artifactName, out Variant? variant) ? null : variant?.Id switch
        {
            "safetensors:F32" => SafetensorsDType.F32,
            "safetensors:F16" => SafetensorsDType.F16,
            "safetensors:BF16" => SafetensorsDType.BF16,
            _ => null,
        };
}
