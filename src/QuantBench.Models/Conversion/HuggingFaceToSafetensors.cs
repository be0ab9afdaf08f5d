using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Conversion;

/// <summary>
/// Changes the float type of a Hugging Face directory: one <c>model.safetensors</c>, <c>config.json</c> with the new type, and the
/// tokenizer's files. All float tensors change, norms too, as <c>model.to(dtype)</c> does; others are copied.
/// </summary>
public static class HuggingFaceToSafetensors
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "2";

    private const int ChunkElements = 1 << 20;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Converts. The same source content gives the same bytes.</summary>
    /// <param name="sourceDirectory">A Hugging Face directory of float weights.</param>
    /// <param name="outputDirectory">Where to; made when it is missing, files in it are replaced.</param>
    /// <param name="floatType">F32, F16 or BF16.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces of about a million weights; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken or quantized, or the output can't be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(
        string sourceDirectory, string outputDirectory, SafetensorsDType floatType, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        if (!IsFloat(floatType)) throw new ArgumentOutOfRangeException(nameof(floatType), floatType, "F32, F16 or BF16");
        string configPath = Path.Combine(sourceDirectory, "config.json");
        ModelJson config = ModelJson.ReadFile(configPath);
        if ((config.Find("quantization") ?? config.Find("quantization_config")) is not null)
        {
            throw new UnsupportedException(configPath, "the weights are already quantized.",
                "Start from the model's unquantized weights.");
        }

        DiskFault.AsRequest($"The directory '{outputDirectory}' can't be made", "Give a directory that may be written to.",
            () => Directory.CreateDirectory(outputDirectory));

        using SafetensorsModel model = SafetensorsModel.Open(sourceDirectory);
        if (config.Find("tie_word_embeddings") is { IsBoolean: true } tied && tied.AsBoolean()) TiedHead.Check(model);
        SafetensorsTensorInfo[] tensors = [.. model.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
        IEnumerable<SafetensorsSpec> specs =
            tensors.Select(tensor => new SafetensorsSpec(tensor.Name, IsFloat(tensor.DType) ? floatType : tensor.DType, tensor.Shape));
        using (var writer = new SafetensorsWriter(Path.Combine(outputDirectory, SafetensorsModel.SingleFile), specs, format: "pt"))
        {
            long total = Math.Max(1, tensors.Sum(tensor => tensor.ElementCount));
            long done = 0;
            foreach (SafetensorsTensorInfo tensor in tensors)
            {
                foreach (int elements in Write(writer, model, tensor, floatType))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    done += elements;
                    progress.Report((double)done / total);
                }
            }

            writer.Complete();
        }

        WriteConfig(configPath, outputDirectory, floatType);
        ModelSideFiles.Copy(sourceDirectory, outputDirectory);
    }

    private static bool IsFloat(SafetensorsDType type) => type is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16;

    /// <summary>Writes a tensor piece by piece; yields the number of elements of each.</summary>
    private static IEnumerable<int> Write(SafetensorsWriter writer, SafetensorsModel model, SafetensorsTensorInfo tensor,
        SafetensorsDType floatType)
    {
        bool isFloat = IsFloat(tensor.DType);
        GgmlType type = floatType switch { SafetensorsDType.F32 => GgmlType.F32, SafetensorsDType.F16 => GgmlType.F16, _ => GgmlType.BF16 };
        int targetBytes = isFloat ? FloatRows.ElementBytes(type) : tensor.ElementBytes;
        float[] floats = new float[isFloat ? ChunkElements : 0];
        byte[] target = new byte[isFloat ? ChunkElements * targetBytes : 0];
        for (long at = 0; at < tensor.ElementCount; at += ChunkElements)
        {
            int count = (int)Math.Min(ChunkElements, tensor.ElementCount - at);
            ReadOnlySpan<byte> source = model.Span(tensor, at * tensor.ElementBytes, count * tensor.ElementBytes);
            if (isFloat)
            {
                Span<byte> converted = target.AsSpan(0, count * targetBytes);
                FloatRows.Convert(source, tensor.DType, converted, type, floats.AsSpan(0, count));
                FloatRows.Check(converted, type, model, tensor, at);
                writer.Append(tensor.Name, converted);
            }
            else
            {
                writer.Append(tensor.Name, source);
            }

            yield return count;
        }
    }

    private static void WriteConfig(string source, string directory, SafetensorsDType floatType)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(source))?.AsObject() ?? [];

        // Newer files have the shorter name; both are read.
        string key = config.ContainsKey("dtype") ? "dtype" : "torch_dtype";
        config[key] = floatType switch { SafetensorsDType.F32 => "float32", SafetensorsDType.F16 => "float16", _ => "bfloat16" };
        string path = Path.Combine(directory, "config.json");
        DiskFault.AsRequest($"The file '{path}' can't be written", "Check that the disk has room.",
            () => File.WriteAllText(path, config.ToJsonString(s_indented)));
    }
}
