using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Models.Sources;
using QuantBench.Models.Weights;

namespace QuantBench.Inference.Artifacts;

/// <summary>The variant that a quantized model directory already is: its own files, copied.</summary>
public sealed class DirectoryCopyBuilder : IArtifactBuilder
{
    /// <inheritdoc/>
    public string Name => "directory-copy";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Kind != SourceKind.HuggingFace) return Support.No($"{Name} copies model directories, not GGUF files");
        if (!Variant.TryParse(artifactName, out Variant? variant) || variant is not
            { Format: "mlx" or "gptq" or "awq" or "compressed-tensors" or "modelopt" or "fp8" or "bnb" })
        {
            return Support.No($"{Name} copies quantized model directories, and there is none of {artifactName}");
        }

        string? own = DirectoryVariant.Quantized(source.Path);
        return string.Equals(own, variant.Id, StringComparison.Ordinal)
            ? Support.Yes
            : Support.No(
                own is null ? $"{source.Path} has float weights, so it isn't {variant.Id}"
                    : $"{source.Path} is {own}, not {variant.Id}");
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) =>
        new(Name, DirectoryVariant.CopyVersion, [], ImmutableSortedDictionary<string, string>.Empty);

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        FiniteWeights.Check(request.Source.Path, cancellationToken);
        DirectoryVariant.Copy(request.Source, request.OutputPath, progress, cancellationToken);
    }
}
