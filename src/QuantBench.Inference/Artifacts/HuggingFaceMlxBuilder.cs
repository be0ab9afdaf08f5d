using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Models.Mlx;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes the <c>mlx:</c> variants from a Hugging Face directory of float weights, in the layout of <c>mlx_lm.convert
/// -q</c>.</summary>
public sealed class HuggingFaceMlxBuilder : IArtifactBuilder
{
    /// <inheritdoc/>
    public string Name => "hf-to-mlx";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        if (Settings(artifactName) is null) return Support.No($"{Name} makes mlx variants, not {artifactName}");
        return DirectorySources.HaveFloats(source, Name);
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration)
    {
        MlxQuantization settings = Known(artifactName);
        return new ArtifactRecipe(Name, $"converter {HuggingFaceToMlx.Version}", [], ImmutableSortedDictionary<string, string>.Empty
            .Add("bits", settings.Bits.ToString(CultureInfo.InvariantCulture))
            .Add("group_size", settings.GroupSize.ToString(CultureInfo.InvariantCulture)));
    }

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        HuggingFaceToMlx.Convert(request.Source.Path, request.OutputPath, Known(request.ArtifactName), progress, cancellationToken);
    }

    private static MlxQuantization Known(string artifactName) =>
        Settings(artifactName) ?? throw new ArgumentException($"'{artifactName}' isn't an mlx variant", nameof(artifactName));

    private static MlxQuantization? Settings(string artifactName) =>
        Variant.TryParse(artifactName, out Variant? variant)
            && variant is { Format: "mlx", ImportanceMatrix: false, Scheme: { GroupSize: > 0 } scheme }
            ? new MlxQuantization(scheme.NominalBits, scheme.GroupSize)
            : null;
}
