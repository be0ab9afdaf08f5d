using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Synthesis;

/// <summary>
/// Writes model directories with random weights in the exact shape of a real model: floats in the Hugging Face layout, MLX, GPTQ and AWQ.
/// What such a model says, and its perplexity, mean nothing.
/// </summary>
public static class DirectorySynthesizer
{
    private const int PieceBytes = 1 << 20;

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Variants that can be written.</summary>
    public static ImmutableArray<string> Variants { get; } =
        [.. QuantSchemes.All.Where(s => s.Format == "safetensors" || (s.GroupSize != 0 && s.Format is "mlx" or "gptq" or "awq"))
            .Select(s => $"{s.Format}:{s.Name}")];

    /// <summary>Writes a model.</summary>
    /// <param name="directory">Where to; made when it is missing, files in it are replaced.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="variant">One of <see cref="Variants"/>.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <param name="progress">Receives the share of bytes written, 0 to 1.</param>
    /// <exception cref="RequestException">There is no such variant, the shape doesn't fit it, or the directory can't be
    /// written.</exception>
    public static void Write(string directory, SyntheticShape shape, Variant variant, int seed, CancellationToken cancellationToken,
        IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(variant);
        SyntheticCode code = SyntheticCode.Of(variant)
            ?? throw new RequestException($"There is no synthetic directory of '{variant.Id}'.",
                $"Take one of {string.Join(", ", Variants)}.");
        if (shape.Experts > 0 && variant.Format != "safetensors"
            && (shape.Sizes.Architecture.Experts is { ArePacked: true } || (variant.Format == "mlx" && shape.Latent is not null)))
        {
            throw new RequestException($"There is no synthetic directory of {shape.Name}'s experts in '{variant.Id}'.",
                "Take safetensors, or a GGUF scheme.");
        }

        SyntheticTokenizer.Check(shape.Vocabulary);
        string configPath = Path.Combine(directory, "config.json");
        DiskFault.AsRequest($"The directory '{directory}' can't be written",
            "Give a directory that may be written to, on a disk with room.", () =>
        {
            Directory.CreateDirectory(directory);
            JsonObject config = SyntheticConfig.Of(shape, code.Floats);
            code.Describe(config);
            File.WriteAllText(configPath, config.ToJsonString(s_indented));
            SyntheticTokenizer.Write(directory, shape.Vocabulary);
        });

        SyntheticTensor[] tensors = [
            .. Tensors(HuggingFaceConfig.Read(ModelJson.ReadFile(configPath), configPath), code, new SyntheticBlocks(seed))];
        using var writer = new SafetensorsWriter(Path.Combine(directory, SafetensorsModel.SingleFile), tensors.Select(t => t.Spec),
            code.HeaderFormat);
        byte[] buffer = new byte[PieceBytes];
        double total = tensors.Sum(t => (double)t.Spec.ByteSize), written = 0;
        foreach (SyntheticTensor tensor in tensors)
        {
            for (long at = 0; at < tensor.Spec.ByteSize; at += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(PieceBytes, tensor.Spec.ByteSize - at));
                tensor.Fill(at, piece);
                writer.Append(tensor.Spec.Name, piece);
                written += piece.Length;
                progress?.Report(written / total);
            }
        }

        writer.Complete();
    }

    /// <summary>All tensors, from the same list of modules that the converters read.</summary>
    private static IEnumerable<SyntheticTensor> Tensors(HuggingFaceConfig config, SyntheticCode code,
        SyntheticBlocks blocks)
    {
        foreach (DecoderModule module in DecoderModule.Of(config))
        {
            if (module.IsNorm)
            {
                float mean = 1 - config.Architecture.NormOffset;
                yield return Vector(module.WeightName, module.Columns, mean, code.Floats, blocks);
                if (config.Architecture.HasNormBiases)
                    yield return Vector($"{module.HuggingFace}.bias", module.Columns, 0, code.Floats, blocks);
                continue;
            }

            if (PackedExperts.Holds(module))
            {
                // Gates and up-projections are one tensor.
                if (module.Role == DecoderRole.UpExperts) continue;
                long rows = module.Rows * (module.Role == DecoderRole.GateExperts ? 2 : 1);
                if (PackedExperts.AreRows(module))
                {
                    yield return Floats(module.WeightName, [module.Experts, rows, module.Columns], 1 / MathF.Sqrt(module.Columns),
                        code.Floats, blocks);
                    continue;
                }

                yield return Floats(module.HuggingFace, [module.Experts, module.Columns, rows], 1 / MathF.Sqrt(module.Columns), code.Floats,
                    blocks);
                yield return Floats($"{module.HuggingFace}_bias", [module.Experts, rows], 0.1f, code.Floats, blocks);
                continue;
            }

            // Products keep the size of their inputs; embeddings start small, as trained ones do.
            bool isEmbedding = module.Role == DecoderRole.Embedding, isHead = module.Role == DecoderRole.Head;
            float deviation = isEmbedding ? 0.05f : 1 / MathF.Sqrt(module.Columns);
            if (code.HeaderFormat == "mlx" && module.SwitchPath is { } all)
            {
                foreach (SyntheticTensor part in code.Matrix(all, module.Rows * module.Experts, module.Columns, true, deviation, blocks))
                    yield return part with { Spec = part.Spec with { Shape = [module.Experts, module.Rows, part.Spec.Shape[1]] } };
                continue;
            }

            IEnumerable<SyntheticTensor> tensors = module.HuggingFacePaths.SelectMany(path =>
                code.Matrix(path, module.Rows, module.Columns, !isEmbedding && !isHead && !module.IsRouter, deviation, blocks));
            foreach (SyntheticTensor tensor in tensors) yield return tensor;
            if (config.Architecture.HasBias(module.Role))
                yield return Vector($"{module.HuggingFace}.bias", module.Rows, 0, code.Floats, blocks);
        }
    }

    private static SyntheticTensor Floats(string name, ImmutableArray<long> shape, float deviation, SafetensorsDType type,
        SyntheticBlocks blocks) => new(new SafetensorsSpec(name, type, shape), (_, piece) => blocks.FillAround(type, piece, 0, deviation));

    private static SyntheticTensor Vector(string name, long length, float mean, SafetensorsDType type, SyntheticBlocks blocks) =>
        new(new SafetensorsSpec(name, type, [length]), (_, piece) => blocks.FillAround(type, piece, mean, 0.1f));
}
