using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Sources;
using QuantBench.Models.Weights;

namespace QuantBench.Inference.Artifacts;

/// <summary>The variant that a GGUF source already is: its own bytes, used where they lie, or laid out anew where engines
/// need that. For unsplit files;
/// a split one needs an engine's tools.</summary>
public sealed class GgufCopyBuilder : IArtifactBuilder
{
    // What llama.cpp's quantizer writes into files it made with an importance matrix.
    private const string ImatrixKey = "quantize.imatrix.entries_count";
    private const string Given = "as it is, it is gguf:given";
    private const int PieceBytes = 4 << 20;

    /// <inheritdoc/>
    public string Name => "gguf-copy";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Kind != SourceKind.Gguf) return Support.No($"{Name} copies GGUF files only");
        if (!Variant.TryParse(artifactName, out Variant? variant) || variant is not { Format: "gguf" })
            return Support.No($"{Name} makes GGUF variants, not {artifactName}");
        if (source.Files.Length > 1) return Support.No($"{source.Path} is split; {Name} copies single files only");
        if (variant.Tensors is not null) return Support.No($"{Name} changes no tensor's type");
        if (variant.Scheme.IsGiven) return Support.Yes;
        using GgufReader reader = GgufReader.Open(source.Path);
        if (reader.FileType is not { } type)
            return Support.No($"{source.Path} doesn't say which quant scheme it has (general.file_type); {Given}");
        if (type == variant.Scheme.FileType && reader.Metadata.Contains(ImatrixKey) == variant.ImportanceMatrix)
            return SchemeCheck.Refusal(reader, variant.Scheme) is { } reason ? Support.No($"{source.Path}: {reason}") : Support.Yes;
        return Support.No($"{source.Path} has file type {type}, not {variant.Scheme.FileType} ({variant.ShortName}); {Given}");
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration)
    {
        ArgumentNullException.ThrowIfNull(source);
        using GgufReader reader = GgufReader.Open(source.Path);
        ImmutableSortedDictionary<string, string> parameters = ImmutableSortedDictionary<string, string>.Empty;
        return new ArtifactRecipe(Name, "2", [], GgufRelayout.IsNeeded(reader) ? parameters.Add("layout", "usual") : parameters);
    }

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        using (GgufReader reader = GgufReader.Open(request.Source.Path))
        {
            FiniteWeights.Check(reader, cancellationToken);
            if (GgufRelayout.IsNeeded(reader))
            {
                GgufRelayout.Write(reader, request.OutputPath, progress, cancellationToken);
                return;
            }
        }

        if (SourceLink.TryMake(request.Source.Path, request.OutputPath))
        {
            progress.Report(1);
            return;
        }

        using FileStream from = File.OpenRead(request.Source.Path);
        using FileStream to = File.Create(request.OutputPath);
        byte[] piece = new byte[PieceBytes];
        int read;
        while ((read = from.Read(piece)) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            to.Write(piece.AsSpan(0, read));
            progress.Report((double)to.Length / Math.Max(1, from.Length));
        }
    }
}
