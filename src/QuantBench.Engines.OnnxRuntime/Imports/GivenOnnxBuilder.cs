using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Models;
using QuantBench.Formats.Onnx;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.OnnxRuntime.Imports;

/// <summary>
/// Takes an ONNX model as its maker (Olive, optimum, onnxruntime-genai's builder, anyone) wrote it: the same bytes, the model file called
/// <c>model.onnx</c>. The variant's name says how many bits most of its weights have, so that it lands in the right precision class.
/// </summary>
public sealed class GivenOnnxBuilder : IArtifactBuilder
{
    private const string Prefix = "onnx:given-";
    private const int PieceBytes = 4 << 20;

    /// <inheritdoc/>
    public string Name => "onnx-given";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(artifactName);
        if (source.Kind != SourceKind.Onnx) return Support.No($"{Name} takes ONNX models only");
        if (!artifactName.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            return Support.No(
                $"{source.Path} is an ONNX model already: it can be measured as {Prefix}int4, -int8, -fp16 or -fp32, not converted to "
                    + $"{artifactName}");
        using OnnxModel model = OnnxModel.Open(OnnxModelFile.Find(source.Path));
        string own = Prefix + GivenPrecision.Of(model);
        return own.Equals(artifactName, StringComparison.OrdinalIgnoreCase) ? Support.Yes
            : Support.No($"most weights of {source.Path} make it {own}, not {artifactName}");
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration) =>
        new(Name, "2", [], ImmutableSortedDictionary<string, string>.Empty);

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        string model = OnnxModelFile.Find(request.Source.Path);
        string root = Path.GetDirectoryName(model) ?? "";
        GivenWeights.Check(model, cancellationToken);
        if (IsWhole(request.Source, model) && SourceLink.TryMakeDirectory(request.Source.Path, request.OutputPath))
        {
            progress.Report(1);
            return;
        }

        Directory.CreateDirectory(request.OutputPath);
        long total = Math.Max(1, request.Source.Files.Sum(f => new FileInfo(f).Length));
        long done = 0;
        byte[] piece = new byte[PieceBytes];
        foreach (string file in request.Source.Files)
        {
            string name = file == model ? OnnxWriter.ModelFile : Path.GetRelativePath(root, file);
            // What lies outside the model's directory belongs to something else.
            if (name.StartsWith("..", StringComparison.Ordinal)) continue;
            string target = Path.Combine(request.OutputPath, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target) ?? request.OutputPath);
            if (request.Source.Files.Length == 1 && SourceLink.TryMake(file, target)) // data beside it must lie beside it
            {
                done += new FileInfo(file).Length;
                progress.Report((double)done / total);
                continue;
            }

            using FileStream from = File.OpenRead(file);
            using FileStream to = File.Create(target);
            int read;
            while ((read = from.Read(piece)) > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                to.Write(piece.AsSpan(0, read));
                done += read;
                progress.Report((double)done / total);
            }
        }
    }

    // Whether the source's directory is the artifact as it stands: nothing else lies in it, and the model file has the usual name.
    private static bool IsWhole(ModelSource source, string model) => Directory.Exists(source.Path)
        && model == Path.Combine(source.Path, OnnxWriter.ModelFile)
        && ArtifactContent.Files(source.Path).Order(StringComparer.Ordinal).SequenceEqual(source.Files.Order(StringComparer.Ordinal));
}
