using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Engines.OnnxRuntime.Export.Calibration;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;
using QuantBench.Models.Architectures;
using QuantBench.Models.Decoders;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Writes decoders as ONNX models.</summary>
internal static class DecoderExporter
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "2";

    /// <summary>Whether a graph can be built for a shape; null when it can, and otherwise why not.</summary>
    public static string? Refusal(DecoderShape shape, ExportRecipe recipe)
    {
        if (!recipe.IsPlain && shape.HeadWidth % 16 != 0)
        {
            return $"GroupQueryAttention rotates heads of a multiple of 16 elements, not {shape.HeadWidth}; onnx:fp32-plain has no such "
                + "limit";
        }

        if (shape.Experts > 0 && ExpertRefusal(shape, recipe) is { } experts) return experts;
        return recipe.Table.Kind == WeightKind.Blocks && shape.Embedding % recipe.Table.Blocks.BlockSize != 0
            ? $"rows of {shape.Embedding} weights don't fit the embedding's blocks of {recipe.Table.Blocks.BlockSize}"
            : null;
    }

    /// <summary>Writes a model.</summary>
    /// <param name="weights">What is exported.</param>
    /// <param name="recipe">How.</param>
    /// <param name="ranges">Calibrated ranges by value; null when the recipe has none.</param>
    /// <param name="sourceSha256">Hash of the model source, for the metadata.</param>
    /// <param name="directory">Where to; made when it is missing.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces of some megabytes; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken, can't be exported so, or the output can't be written.</exception>
    public static void Export(
        DecoderWeights weights, ExportRecipe recipe, IReadOnlyDictionary<string, ActivationRange>? ranges, string sourceSha256,
        string directory,
        IProgress<double> progress, CancellationToken cancellationToken)
    {
        if (Refusal(weights.Shape, recipe) is { } reason) throw new UnsupportedException($"onnx:{recipe.Name}", $"{reason}.");
        CheckBlocks(weights, recipe);
        DecoderGraph decoder = recipe.IsPlain ? new PlainDecoderGraph(weights, recipe, ranges)
            : new FusedDecoderGraph(weights, recipe, ranges);
        GraphBuilder built = decoder.Build();
        var graph = new OnnxGraph
        {
            IrVersion = recipe.IsPlain ? 8 : 10,
            Opsets = recipe.IsPlain
                ? ImmutableSortedDictionary<string, long>.Empty.Add("", 17)
                : ImmutableSortedDictionary<string, long>.Empty.Add("", 21).Add(GraphBuilder.Microsoft, 1),
            Name = "main_graph",
            Producer = "quantbench",
            ProducerVersion = Version,
            Inputs = decoder.Inputs(),
            Outputs = decoder.Outputs(),
            Nodes = built.Nodes,
            Tensors = built.Tensors,
            Metadata = Metadata(weights.Shape, recipe, built, sourceSha256),
        };
        using var writer = new OnnxWriter(directory, graph);
        built.Fill(new TensorSink(writer, progress, cancellationToken));
        writer.Complete();
        GenaiConfig.Write(directory, weights);
        progress.Report(1);
    }

    /// <summary>Number of a decoder's weights.</summary>
    public static long ParameterCount(DecoderShape shape) => DecoderModule.Of(shape).Sum(
        module => module.Rows * module.Columns * Math.Max(1, module.Experts));

    /// <summary>Why a model's experts can't be exported; null when they can.</summary>
    private static string? ExpertRefusal(DecoderShape shape, ExportRecipe recipe)
    {
        if (recipe.IsPlain) return "ONNX's standard operators can't pick experts for a token; onnx:fp32 and blocks use ONNX Runtime's own";
        if (recipe.Layers.Kind == WeightKind.Float32) return null;
        if (recipe.Layers.Kind != WeightKind.Blocks || recipe.Parts.ContainsKey("down_proj"))
        {
            return "ONNX Runtime's operators for experts (MoE and QMoE on CPUs) take 32-bit floats, or blocks of one format for all "
                + "matrices; onnx:fp32, int8-b32, int4-b32 and their like are such";
        }

        int block = recipe.Layers.Blocks.BlockSize;
        return shape.Embedding % block != 0 || shape.ExpertFeedForward % block != 0
            ? $"rows of {shape.Embedding} and {shape.ExpertFeedForward} weights of experts don't fit blocks of {block}" : null;
    }

    /// <summary>Refuses GGUF blocks that don't map: they would be exported as floats, which isn't what the variant says.</summary>
    private static void CheckBlocks(DecoderWeights weights, ExportRecipe recipe)
    {
        if (recipe.GgufVariant is null) return;
        foreach (string module in DecoderModules.Matrices(weights.Shape))
        {
            if (new LinearWeights(weights, [module]).BlockType is not { } type)
            {
                throw new RequestException($"onnx:{recipe.Name} starts from {recipe.GgufVariant}, not from floats in another format.");
            }

            if (GgufRelay.FormatOf(type) is null && type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            {
                throw new UnsupportedException(
                    $"onnx:{recipe.Name}",
                    $"'{module}' is of type {type} in {recipe.GgufVariant}, whose blocks have no equal in MatMulNBits.",
                    "Types that map: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K.");
            }
        }
    }

    private static ImmutableSortedDictionary<string, string> Metadata(DecoderShape shape, ExportRecipe recipe, GraphBuilder built,
        string sourceSha256) =>
        (shape.IsSynthetic ? ImmutableSortedDictionary<string, string>.Empty.Add(SyntheticMark.Key, "true")
            : ImmutableSortedDictionary<string, string>.Empty)
            .Add(OnnxMetadata.Recipe, recipe.Name)
            .Add(OnnxMetadata.Settings, JsonSerializer.Serialize(recipe.Settings(), Json.Line))
            .Add(OnnxMetadata.Notes, recipe.Notes)
            .Add(OnnxMetadata.SourceSha256, sourceSha256)
            .Add(OnnxMetadata.ModelName, shape.Name)
            .Add(OnnxMetadata.ContextLength, DecoderGraph.ContextLength(shape).ToString(CultureInfo.InvariantCulture))
            .Add(OnnxMetadata.ParameterCount, ParameterCount(shape).ToString(CultureInfo.InvariantCulture))
            .Add(OnnxMetadata.WeightBytes, built.WeightBytes.ToString(CultureInfo.InvariantCulture));
}
