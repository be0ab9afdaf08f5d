using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;

namespace QuantBench.Inference.Artifacts;

/// <summary>Random weights in a real model's shape, as GGUF files and model directories.</summary>
public sealed class SyntheticBuilder : IArtifactBuilder
{
    private const int Seed = 1;

    /// <inheritdoc/>
    public string Name => "synthetic";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Kind != SourceKind.Synthetic) return Support.No($"{Name} starts from shapes");
        if (!Variant.TryParse(artifactName, out Variant? variant) || variant is null)
            return Support.No($"{Name} makes variants of models, not {artifactName}");
        if (variant.ImportanceMatrix) return Support.No($"{artifactName}: random weights have no importance; leave +imatrix away");
        if (variant.Tensors is not null) return Support.No($"{artifactName}: types of single tensors aren't chosen for random weights");
        bool known = variant.Format == "gguf" ? ModelSynthesizer.Schemes.Contains(variant.Scheme.Name)
            : DirectorySynthesizer.Variants.Contains(variant.Id);
        return known ? Support.Yes
            : Support.No($"random weights aren't written as {artifactName}; take a GGUF scheme, or one of "
                + string.Join(", ", DirectorySynthesizer.Variants));
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) =>
        new(Name, "1", [], ImmutableSortedDictionary<string, string>.Empty.Add("seed", Seed.ToString(CultureInfo.InvariantCulture)));

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        SyntheticShape shape = SyntheticSource.ShapeOf(request.Source.Path);
        Variant variant = Variant.Parse(request.ArtifactName);
        if (variant.Format == "gguf")
            ModelSynthesizer.Write(request.OutputPath, shape, variant.Scheme.Name, Seed, cancellationToken, progress);
        else DirectorySynthesizer.Write(request.OutputPath, shape, variant, Seed, cancellationToken, progress);
    }
}
