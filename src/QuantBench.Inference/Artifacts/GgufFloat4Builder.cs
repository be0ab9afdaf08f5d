using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes <c>gguf:NVFP4</c> and <c>gguf:MXFP4</c>, which llama.cpp's quantizer doesn't make of whole models.</summary>
public sealed class GgufFloat4Builder : IArtifactBuilder
{
    private const string FloatInput = "gguf:F32";

    /// <inheritdoc/>
    public string Name => "gguf-float4";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (TypeOf(artifactName) is not { } type) return Support.No($"{Name} makes gguf:NVFP4 and gguf:MXFP4, not {artifactName}");
        if (source.Kind == SourceKind.HuggingFace)
        {
            return DirectoryVariant.Quantized(source.Path) is { } own
                ? Support.No($"{source.Path} is {own} already; {Name} starts from float weights") : Support.Yes;
        }

        if (source.Kind != SourceKind.Gguf) return Support.No($"{Name} starts from Hugging Face directories and GGUF files");
        using GgufReader reader = GgufReader.Open(source.Path);
        if (reader.Tensors.FirstOrDefault(t => t.Dimensions.Length > 1 && t.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            is { } tensor)
        {
            return Support.No($"{source.Path} is quantized already ('{tensor.Name}' is {tensor.Type}); {Name} starts from float weights");
        }

        return GgufFloat4.Refusal(reader, type) is { } reason ? Support.No(reason) : Support.Yes;
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new ArtifactRecipe(Name, $"converter {GgufFloat4.Version}", source.Kind == SourceKind.Gguf ? [] : [FloatInput],
            ImmutableSortedDictionary<string, string>.Empty.Add("type", Known(artifactName).ToString()));
    }

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        using GgufReader reader = GgufReader.Open(
            request.Source.Kind == SourceKind.Gguf ? request.Source.Path : request.InputPaths[FloatInput]);
        GgufFloat4.Convert(reader, request.OutputPath, Known(request.ArtifactName), progress, cancellationToken);
    }

    private static GgmlType? TypeOf(string artifactName) => Variant.TryParse(artifactName, out Variant? variant)
        ? variant?.Id switch { "gguf:NVFP4" => GgmlType.NVFP4, "gguf:MXFP4" => GgmlType.MXFP4, _ => null } : null;

    private static GgmlType Known(string artifactName) =>
        TypeOf(artifactName) ?? throw new ArgumentException($"'{artifactName}' isn't made here", nameof(artifactName));
}
