using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes variants from a Hugging Face directory of float weights; needs no engine.</summary>
/// <param name="name">Name in recipes.</param>
/// <param name="makes">What it makes, for messages.</param>
/// <param name="version">The converter's version.</param>
public abstract class HuggingFaceBuilder(string name, string makes, string version) : IArtifactBuilder
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (Find(artifactName) is null) return Support.No($"{name} makes {makes}, not {artifactName}");
        if (source.Kind != SourceKind.HuggingFace) return Support.No($"{name} converts Hugging Face directories, not GGUF files");
        return DirectoryVariant.Quantized(source.Path) is { } own
            ? Support.No($"{source.Path} is {own} already; {name} starts from float weights") : Support.Yes;
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) =>
        new(name, $"converter {version}", [], ImmutableSortedDictionary.CreateRange(Known(artifactName).Parameters));

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        Known(request.ArtifactName).Convert(request.Source.Path, request.OutputPath, progress, cancellationToken);
    }

    /// <summary>How a variant is made; null when it isn't made here.</summary>
    private protected abstract Conversion? Find(Variant variant);

    private Conversion? Find(string artifactName) => Variant.TryParse(artifactName, out Variant? variant) ? Find(variant!) : null;

    private Conversion Known(string artifactName) =>
        Find(artifactName) ?? throw new ArgumentException($"'{artifactName}' isn't among {makes}", nameof(artifactName));

    /// <summary>One conversion.</summary>
    /// <param name="Parameters">What the recipe says about it.</param>
    /// <param name="Convert">Source, output, progress, and what stops it.</param>
    private protected sealed record Conversion(
        Dictionary<string, string> Parameters, Action<string, string, IProgress<double>, CancellationToken> Convert);
}
