using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Conversion;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>
/// Makes a directory of quantized weights from a Hugging Face directory of floats: the layers' matrices in another layout, embeddings, head
/// and vectors as they were.
/// </summary>
public static class HuggingFaceToPacked
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "1";

    private const string Suffix = ".weight";
    private const int ChunkBytes = 1 << 22;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Whether a variant can be made.</summary>
    /// <param name="variant">Its id.</param>
    public static bool Makes(string variant) => LayoutOf(variant) is not null;

    /// <summary>Converts. The same source content gives the same bytes.</summary>
    /// <param name="sourceDirectory">A Hugging Face directory of float weights.</param>
    /// <param name="outputDirectory">Where to; made when it is missing, files in it are replaced.</param>
    /// <param name="variant">One that <see cref="Makes"/> knows.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between tensors; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken or already quantized, or the output can't be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(string sourceDirectory, string outputDirectory, string variant, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        PackedLayout layout = LayoutOf(variant) ?? throw new ArgumentException($"'{variant}' isn't made here", nameof(variant));
        var config = HuggingFaceConfig.Read(sourceDirectory);
        using SafetensorsModel model = SafetensorsModel.Open(sourceDirectory);
        if (config.TiesEmbeddings) TiedHead.Check(model);
        SafetensorsTensorInfo[] sources = [.. model.Tensors.Values.Where(t => !config.IsRedundant(t.Name))
            .OrderBy(t => t.Name, StringComparer.Ordinal)];
        DiskFault.AsRequest($"The directory '{outputDirectory}' can't be made", "Give a directory that may be written to.",
            () => Directory.CreateDirectory(outputDirectory));
        SafetensorsSpec[] specs = [.. sources.SelectMany(t => Specs(t, layout))];
        using (var writer = new SafetensorsWriter(Path.Combine(outputDirectory, SafetensorsModel.SingleFile), specs, format: "pt"))
        {
            long total = sources.Sum(t => t.ByteSize), done = 0;
            foreach (SafetensorsTensorInfo source in sources)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Write(writer, model, sourceDirectory, source, layout);
                done += source.ByteSize;
                progress.Report((double)done / total);
            }

            writer.Complete();
        }

        string path = Path.Combine(outputDirectory, "config.json");
        JsonObject json = JsonNode.Parse(File.ReadAllBytes(Path.Combine(sourceDirectory, "config.json")))?.AsObject() ?? [];
        json["quantization_config"] = layout.Describe();
        DiskFault.AsRequest($"The file '{path}' can't be written", "Check that the disk has room.",
            () => File.WriteAllText(path, json.ToJsonString(s_indented)));
        ModelSideFiles.Copy(sourceDirectory, outputDirectory);
    }

    private static PackedLayout? LayoutOf(string variant) => variant switch
    {
        "compressed-tensors:nvfp4" => new Nvfp4Layout(),
        "gptq:4bit-g128-rtn" => new RoundedGptqLayout(),
        "awq:4bit-g128-rtn" => new RoundedAwqLayout(),
        _ => null,
    };

    private static bool IsPacked(SafetensorsTensorInfo tensor, PackedLayout layout) =>
        tensor.Shape.Length == 2 && tensor.Name.EndsWith(Suffix, StringComparison.Ordinal)
        && tensor.Name.Contains(".layers.", StringComparison.Ordinal)
        && tensor.DType is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16
        && layout.Fits(tensor.Shape[0], tensor.Shape[1]) && tensor.Shape[0] * tensor.Shape[1] <= Array.MaxLength;

    private static IEnumerable<SafetensorsSpec> Specs(SafetensorsTensorInfo tensor, PackedLayout layout) =>
        IsPacked(tensor, layout)
            ? layout.Specs(tensor.Shape[0], tensor.Shape[1]).Select(s => s with { Name = $"{tensor.Name[..^Suffix.Length]}.{s.Name}" })
            : [new SafetensorsSpec(tensor.Name, tensor.DType, tensor.Shape)];

    private static void Write(SafetensorsWriter writer, SafetensorsModel model, string directory, SafetensorsTensorInfo source,
        PackedLayout layout)
    {
        if (!IsPacked(source, layout))
        {
            for (long at = 0; at < source.ByteSize; at += ChunkBytes)
                writer.Append(source.Name, model.Span(source, at, (int)Math.Min(ChunkBytes, source.ByteSize - at)));
            return;
        }

        FloatMatrix matrix = FloatMatrix.Open(model, directory, source.Name);
        float[] weights = new float[matrix.Rows * matrix.Columns];
        matrix.ReadRows(0, matrix.Rows, weights);
        FiniteWeights.Check(weights, model.Files[source.Part], source.Name, 0, matrix.Columns);
        SafetensorsSpec[] specs = [.. Specs(source, layout)];
        byte[][] tensors = layout.Encode(weights, matrix.Rows, matrix.Columns);
        for (int i = 0; i < specs.Length; i++) writer.Append(specs[i].Name, tensors[i]);
    }
}
