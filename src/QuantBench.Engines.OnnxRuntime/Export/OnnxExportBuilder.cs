using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Models.Decoders;
using QuantBench.Models.Sources;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>
/// Makes ONNX variants: from a Hugging Face directory or a float GGUF file, from the blocks of a GGUF variant (<c>onnx:gguf-…</c>), or,
/// calibrated, with the help of <c>onnx:fp32</c>.
/// </summary>
internal sealed class OnnxExportBuilder : IArtifactBuilder
{
    private const string FloatModel = "onnx:fp32";

    private static readonly string[] s_copied =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    ];

    /// <inheritdoc/>
    public string Name => "onnx-export";

    /// <inheritdoc/>
    public Support CanBuild(ModelSource source, string artifactName)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!Variant.TryParse(artifactName, out Variant? variant) || variant is not { Format: "onnx" })
            return Support.No($"{Name} makes ONNX variants, not {artifactName}");
        if (ExportRecipes.Find(variant.Scheme.Name) is not { } recipe) return Support.No($"{Name} has no recipe for {artifactName}");
        if (variant.ImportanceMatrix)
            return Support.No($"{artifactName}: importance matrices steer GGUF quantizers only; use onnx:{variant.Scheme.Name}");
        if (source.Kind == SourceKind.Onnx) return Support.No($"{source.Path} is an ONNX model already; {Name} starts from weights");
        if (source.Kind == SourceKind.Synthetic)
        {
            return Support.No($"{artifactName} is exported from files; write them by 'quantbench models synthesize --scheme "
                + "safetensors:BF16' and name their directory as the source");
        }

        using DecoderWeights weights = DecoderWeights.Open(source.Path);
        if (DecoderExporter.Refusal(weights.Shape, recipe) is { } reason) return Support.No($"{artifactName}: {reason}");
        if (source.Kind != SourceKind.Gguf || recipe.GgufVariant is not null) return Support.Yes;
        return weights.Matrix(DecoderModules.InLayer(0, "o_proj")) is GgufMatrix { Type: GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 }
            ? Support.Yes
            : Support.No(
                $"{source.Path} is quantized already; {artifactName} would add its own loss. Start from floats, or take its blocks "
                    + $"over as onnx:gguf-…");
    }

    /// <inheritdoc/>
    public ArtifactRecipe Recipe(ModelSource source, string artifactName, CalibrationText? calibration)
    {
        ExportRecipe recipe = Known(artifactName);
        ImmutableSortedDictionary<string, string> settings = recipe.Settings();
        if (recipe.Calibration is null)
        {
            return new ArtifactRecipe(Name, $"exporter {DecoderExporter.Version}", recipe.GgufVariant is { } blocks ? [blocks] : [],
                settings);
        }

        CalibrationText text = calibration ?? throw NoCalibration(artifactName);
        return new ArtifactRecipe(
            Name,
            $"exporter {DecoderExporter.Version}, onnxruntime {Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetVersionString()}",
            [FloatModel],
            settings
                .Add("text_sha256", text.TextSha256)
                .Add("text_cut", "BOS first")
                .Add("chunks", text.Chunks.ToString(CultureInfo.InvariantCulture))
                .Add("n_ctx", text.ContextLength.ToString(CultureInfo.InvariantCulture)));
    }

    /// <inheritdoc/>
    public void Build(BuildRequest request, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        ExportRecipe recipe = Known(request.ArtifactName);
        Dictionary<string, ActivationRange>? ranges = null;
        IProgress<double> exporting = progress;
        if (recipe.Calibration is { } method)
        {
            // Looking at activations is the longer half.
            ranges = ActivationCalibrator.Calibrate(
                request.InputPaths[FloatModel], request.Calibration ?? throw NoCalibration(request.ArtifactName), method, request.Threads,
                new Share(progress, 0, 0.5), cancellationToken);
            exporting = new Share(progress, 0.5, 1);
        }

        string input = recipe.GgufVariant is { } blocks ? request.InputPaths[blocks] : request.Source.Path;
        using (DecoderWeights weights = DecoderWeights.Open(input))
        {
            DecoderExporter.Export(weights, recipe, ranges, request.Source.Sha256, request.OutputPath, exporting, cancellationToken);
        }

        if (request.Source.Kind != SourceKind.HuggingFace) return;
        foreach (string name in s_copied)
        {
            string from = Path.Combine(request.Source.Path, name);
            if (File.Exists(from)) File.Copy(from, Path.Combine(request.OutputPath, name), overwrite: true);
        }
    }

    private static ExportRecipe Known(string artifactName) =>
        (Variant.TryParse(artifactName, out Variant? variant) && variant is { Format: "onnx" } ? ExportRecipes.Find(variant.Scheme.Name)
            : null)
        ?? throw new ArgumentException($"'{artifactName}' isn't an ONNX variant", nameof(artifactName));

    private static RequestException NoCalibration(string artifactName) =>
        new($"{artifactName} needs a calibration text.", "Give a text like those the model is used on, but not the evaluation text.");

    /// <summary>A part of a longer progress.</summary>
    private sealed class Share(IProgress<double> whole, double from, double to) : IProgress<double>
    {
        public void Report(double value) => whole.Report(from + ((to - from) * value));
    }
}
