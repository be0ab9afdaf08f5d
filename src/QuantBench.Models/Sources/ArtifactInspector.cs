using System.Collections.Frozen;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;

namespace QuantBench.Models.Sources;

/// <summary>How large a model file is.</summary>
/// <param name="Bytes">Bytes of all its files.</param>
/// <param name="WeightBytes">Bytes of all tensors, without headers and padding.</param>
/// <param name="ParameterCount">Number of weights.</param>
public sealed record ArtifactSize(long Bytes, long WeightBytes, long ParameterCount);

/// <summary>Measures models without loading them.</summary>
public static class ArtifactInspector
{
    /// <summary>One line per format; a new format adds its own here.</summary>
    private static readonly FrozenDictionary<string,
        Func<string, ArtifactSize>> s_formats = new Dictionary<string, Func<string, ArtifactSize>>
        {
            ["gguf"] = InspectGguf,
            ["safetensors"] = InspectSafetensors,
            ["mlx"] = InspectDirectory,
            ["gptq"] = InspectDirectory,
            ["awq"] = InspectDirectory,
            ["compressed-tensors"] = InspectDirectory,
            ["modelopt"] = InspectDirectory,
            ["fp8"] = InspectDirectory,
            ["bnb"] = InspectDirectory,
            ["onnx"] = InspectOnnx,
        }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Sizes of a model.</summary>
    /// <param name="format">Format id, e.g. <c>gguf</c>.</param>
    /// <param name="path">Its file or directory.</param>
    /// <exception cref="RequestException">The format isn't known here.</exception>
    /// <exception cref="QuantBenchException">The model can't be opened or is broken.</exception>
    public static ArtifactSize Inspect(string format, string path) => s_formats.TryGetValue(format, out Func<string, ArtifactSize>? inspect)
        ? inspect(path)
        : throw new RequestException($"models of the format '{format}' can't be measured.",
            $"Known formats: {string.Join(", ", s_formats.Keys.Order(StringComparer.Ordinal))}.");

    /// <summary>Sizes of a GGUF model.</summary>
    /// <param name="path">Path of the file, or of the first one of a split model.</param>
    /// <exception cref="QuantBenchException">The file can't be opened or isn't GGUF.</exception>
    public static ArtifactSize InspectGguf(string path)
    {
        using GgufReader reader = GgufReader.Open(path);
        return new ArtifactSize(reader.FileBytes, reader.TensorBytes, reader.ParameterCount);
    }

    /// <summary>Sizes of an unquantized model in the Hugging Face layout: every element is a weight.</summary>
    /// <param name="path">Its directory.</param>
    /// <exception cref="QuantBenchException">A file can't be opened or is broken.</exception>
    public static ArtifactSize InspectSafetensors(string path)
    {
        using SafetensorsModel model = SafetensorsModel.Open(path);
        return new ArtifactSize(
            model.Files.Sum(f => new FileInfo(f).Length), model.Tensors.Values.Sum(t => t.ByteSize),
            model.Tensors.Values.Sum(t => t.ElementCount));
    }

    /// <summary>Sizes of a quantized model directory: packed words, scales and zero points are weight bytes, and a weight is an element of
    /// a matrix.</summary>
    /// <param name="path">Its directory.</param>
    /// <exception cref="QuantBenchException">A file can't be opened, is broken, or the model is of a kind that isn't read.</exception>
    public static ArtifactSize InspectDirectory(string path)
    {
        using DirectoryModel model = DirectoryModel.Open(path);
        return new ArtifactSize(model.FileBytes, model.TensorBytes, model.ParameterCount);
    }

    /// <summary>Sizes of an ONNX model: what it says of itself when it was exported here, and otherwise all its constant tensors.</summary>
    /// <param name="path">Its directory or model file.</param>
    /// <exception cref="QuantBenchException">A file can't be opened or is broken.</exception>
    public static ArtifactSize InspectOnnx(string path)
    {
        using OnnxModel model = OnnxModel.Open(path);
        return new ArtifactSize(
            model.Files.Sum(f => new FileInfo(f).Length),
            Said(OnnxMetadata.WeightBytes) ?? model.Tensors.Values.Sum(t => t.ByteSize),
            Said(OnnxMetadata.ParameterCount) ?? Math.Max(1, model.Tensors.Values.Sum(t => t.ElementCount)));

        long? Said(string key) =>
            model.Metadata.TryGetValue(key, out string? text) && long.TryParse(text, out long value) && value > 0 ? value : null;
    }
}
