using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Models.Awq;
using QuantBench.Models.Conversion;
using QuantBench.Models.Gptq;
using QuantBench.Models.Mlx;
using QuantBench.Models.Scaled;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Sources;

/// <summary>The variant that a model directory already is, by its configuration.</summary>
public static class DirectoryVariant
{
    /// <summary>Changes whenever a copy of the same directory would have other files, or wouldn't be made; part of every recipe.</summary>
    public const string CopyVersion = "2";

    /// <summary>Finds out how the weights are quantized, without reading them.</summary>
    /// <param name="directory">A directory in the Hugging Face layout.</param>
    /// <returns>E.g. <c>mlx:4bit-g64</c>, <c>gptq:4bit-g128</c>, <c>awq:4bit-g128</c>; null when they are floats.</returns>
    /// <exception cref="RequestException">There is no <c>config.json</c>.</exception>
    /// <exception cref="ModelFormatException">It is broken, or the weights are quantized by a method that isn't read.</exception>
    public static string? Quantized(string directory)
    {
        string path = Path.Combine(directory, "config.json");
        ModelJson config = ModelJson.ReadFile(path);
        if (MlxQuantizationConfig.Read(config) is { } mlx) return mlx.Default.Variant;
        if (GptqConfig.Read(config, directory) is { } gptq) return Id("gptq", gptq.Bits, gptq.GroupSize);
        if (AwqConfig.Read(config, directory) is { } awq) return Id("awq", 4, awq.GroupSize);
        if (PackedExperts.IsOnlyQuantization(config)) return null;
        if (QuantizedWeights.Read(config, directory) is { } scaled) return scaled.Variant;
        if (config.Find("quantization_config") is not { } other) return null;
        string method = other.IsObject && other.Find("quant_method") is { IsString: true } name ? name.AsString() : "unknown";
        throw new UnsupportedException(path, $"the weights are quantized with '{method}', which is not read.",
            "MLX, GPTQ, AWQ, compressed-tensors, ModelOpt, FP8 and bitsandbytes are; or use the unquantized weights.");
    }

    /// <summary>What a directory's configuration makes a server do that changes results and isn't done here; null = nothing.</summary>
    /// <param name="directory">A directory in the Hugging Face layout.</param>
    /// <exception cref="QuantBenchException">Its configuration is missing or broken.</exception>
    public static string? Note(string directory) =>
        ModelJson.ReadFile(Path.Combine(directory, "config.json")) is var config && PackedExperts.IsOnlyQuantization(config) ? null
            : QuantizedWeights.Read(config, directory)?.Note;

    /// <summary>Copies a model directory: its weights, configuration and tokenizer, not whatever else lies there.</summary>
    /// <param name="source">A Hugging Face source.</param>
    /// <param name="outputDirectory">Where to; made when it is missing.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between files; the output is then incomplete.</param>
    /// <exception cref="RequestException">A file can't be read or written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Copy(ModelSource source, string outputDirectory, IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(progress);
        Directory.CreateDirectory(outputDirectory);
        for (int i = 0; i < source.Files.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ModelSideFiles.Copy(source.Files[i], outputDirectory, Path.GetFileName(source.Files[i]));
            progress.Report((i + 1.0) / source.Files.Length);
        }

        ModelSideFiles.Copy(source.Path, outputDirectory);
    }

    private static string Id(string format, int bits, int groupSize) =>
        groupSize == -1 ? $"{format}:{bits}bit-channel" : $"{format}:{bits}bit-g{groupSize}";
}
