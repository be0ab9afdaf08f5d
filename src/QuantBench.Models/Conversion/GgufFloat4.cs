using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Conversion;

/// <summary>
/// Makes GGUF models of 4-bit floats from GGUF models of floats: NVFP4 or MXFP4 in the layers, Q6_K for embeddings and head, everything
/// else as it was. An NVFP4 matrix gets a factor of its own in a <c>.scale</c> tensor, which takes its largest weight to 448 · 6 and so
/// gives the blocks' scales the whole range of their type; one per expert where a tensor holds several.
/// </summary>
public static class GgufFloat4
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "1";

    private const string Suffix = ".weight";
    private const float LargestElement = 6;
    private const float LargestScale = 448;
    private const int RunElements = 1 << 20;

    // Architectures whose graphs in llama.cpp multiply by all of these factors; in others some are left out without a word.
    private static readonly string[] s_scaled = ["llama", "mistral3", "qwen3", "granite", "cohere2", "ernie4_5", "gemma4"];

    // Kinds of matrices whose factor llama.cpp reads.
    private static readonly string[] s_factored =
    [
        "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "ffn_gate_exps", "ffn_up_exps",
        "ffn_down_exps", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp",
    ];

    /// <summary>Why a model can't be made of a type; null when it can.</summary>
    /// <param name="model">The model.</param>
    /// <param name="type">NVFP4 or MXFP4.</param>
    public static string? Refusal(GgufReader model, GgmlType type)
    {
        ArgumentNullException.ThrowIfNull(model);
        return RefusalOf(model.Architecture, type);
    }

    /// <summary>As <see cref="Refusal"/>, by an architecture's name in GGUF files.</summary>
    /// <param name="architecture">The name.</param>
    /// <param name="type">NVFP4 or MXFP4.</param>
    public static string? RefusalOf(string? architecture, GgmlType type) => type != GgmlType.NVFP4 || s_scaled.Contains(architecture) ? null
        : $"llama.cpp leaves out some of the factors that NVFP4 matrices have beside them in {architecture} models; it uses all of them in "
            + string.Join(", ", s_scaled);

    /// <summary>Converts. The same input gives the same bytes.</summary>
    /// <param name="model">A model of F32, F16 or BF16.</param>
    /// <param name="outputPath">The file to write; replaced if it is there.</param>
    /// <param name="type">NVFP4 or MXFP4.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The model can't be made of the type, a weight isn't finite, or the output can't be
    /// written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(GgufReader model, string outputPath, GgmlType type, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(progress);
        if (Refusal(model, type) is { } refusal) throw new UnsupportedException(model.Files[0], refusal + ".", "Take gguf:MXFP4.");
        var plan = model.Tensors.Select(t => (Tensor: t, Type: TypeOf(t, type))).ToImmutableArray();
        var specs = ImmutableArray.CreateBuilder<GgufTensorSpec>();
        foreach ((GgufTensorInfo tensor, GgmlType target) in plan)
        {
            specs.Add(new GgufTensorSpec(tensor.Name, target, tensor.Dimensions));
            if (target == GgmlType.NVFP4) specs.Add(new GgufTensorSpec(ScaleName(tensor), GgmlType.F32, [Matrices(tensor)]));
        }

        var metadata = new GgufMetadata(outputPath);
        foreach ((string key, object value) in model.Metadata)
        {
            if (key is not (GgufConstants.FileType or GgufConstants.QuantizationVersion or GgufConstants.Alignment)
                && !key.StartsWith("split.", StringComparison.Ordinal)) metadata.Add(key, value);
        }

        metadata.Add(GgufConstants.FileType, (uint)(QuantSchemes.Find("gguf", type.ToString())?.FileType
            ?? throw new ArgumentOutOfRangeException(nameof(type), type, "NVFP4 or MXFP4")));
        metadata.Add(GgufConstants.QuantizationVersion, 2u);
        DiskFault.AsRequest($"The file '{outputPath}' can't be written",
            "Check that the directory exists, may be written to and has room.", () =>
        {
            using var writer = new GgufWriter(new FileStream(outputPath, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16),
                metadata, specs.ToImmutable());
            long done = 0;
            foreach ((GgufTensorInfo tensor, GgmlType target) in plan)
            {
                float[] scales = target == GgmlType.NVFP4 ? Scales(model, tensor, cancellationToken) : [];
                Write(writer, model, tensor, target, scales, cancellationToken);
                if (scales.Length > 0) writer.Append(MemoryMarshal.AsBytes<float>(scales));
                model.Release(tensor);
                done += tensor.ByteSize;
                progress.Report((double)done / model.TensorBytes);
            }

            writer.Complete();
        });
    }

    private static string ScaleName(GgufTensorInfo tensor) => $"{tensor.Name[..^Suffix.Length]}.scale";

    private static long Matrices(GgufTensorInfo tensor) => tensor.Dimensions.Skip(2).Aggregate(1L, (product, size) => product * size);

    private static GgmlType TypeOf(GgufTensorInfo tensor, GgmlType type)
    {
        if (tensor.Dimensions.Length < 2 || !tensor.Name.EndsWith(Suffix, StringComparison.Ordinal)
            || tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)) return tensor.Type;
        long columns = tensor.Dimensions[0];
        GgmlType fallback = columns % 32 == 0 ? GgmlType.Q8_0 : tensor.Type;
        string kind = tensor.Name[..^Suffix.Length].Split('.')[^1];
        if (kind is "token_embd" or "output") return columns % 256 == 0 ? GgmlType.Q6_K : fallback;
        if (!tensor.Name.StartsWith("blk.", StringComparison.Ordinal) || !TensorTypes.Tensors.Contains(kind)) return tensor.Type;
        return columns % GgmlTypes.Get(type).BlockElements == 0 && (type != GgmlType.NVFP4 || s_factored.Contains(kind)) ? type : fallback;
    }

    /// <summary>The factor of each matrix of a tensor.</summary>
    private static float[] Scales(GgufReader model, GgufTensorInfo tensor, CancellationToken cancellationToken)
    {
        float[] scales = new float[Matrices(tensor)];
        long each = tensor.ElementCount / scales.Length;
        foreach ((long first, float[] run, int count) in Runs(model, tensor, cancellationToken))
        {
            for (int i = 0; i < count; i++)
            {
                ref float scale = ref scales[(first + i) / each];
                scale = MathF.Max(scale, MathF.Abs(run[i]));
            }
        }

        foreach (ref float scale in scales.AsSpan()) scale = scale > 0 ? scale / (LargestScale * LargestElement) : 1;
        return scales;
    }

    private static void Write(GgufWriter writer, GgufReader model, GgufTensorInfo tensor, GgmlType target, float[] scales,
        CancellationToken cancellationToken)
    {
        if (target == tensor.Type)
        {
            for (long at = 0; at < tensor.ByteSize; at += RunElements)
            {
                cancellationToken.ThrowIfCancellationRequested();
                writer.Append(model.Span(tensor, at, (int)Math.Min(RunElements, tensor.ByteSize - at)));
            }

            return;
        }

        IBlockCodec codec = GgmlTypes.Codec(target);
        long each = scales.Length > 0 ? tensor.ElementCount / scales.Length : 0;
        byte[] blocks = [];
        foreach ((long first, float[] run, int count) in Runs(model, tensor, cancellationToken))
        {
            for (int i = 0; i < count && scales.Length > 0; i++) run[i] /= scales[(first + i) / each];
            int bytes = count / codec.BlockElements * codec.BlockBytes;
            if (blocks.Length < bytes) blocks = new byte[bytes];
            codec.Quantize(run.AsSpan(0, count), blocks.AsSpan(0, bytes));
            writer.Append(blocks.AsSpan(0, bytes));
        }
    }

    /// <summary>The weights of a tensor as floats, in runs of whole blocks of any type.</summary>
    private static IEnumerable<(long First, float[] Run, int Count)> Runs(GgufReader model, GgufTensorInfo tensor,
        CancellationToken cancellationToken)
    {
        IBlockCodec codec = GgmlTypes.Codec(tensor.Type);
        float[] run = new float[Math.Min(RunElements, tensor.ElementCount)];
        for (long first = 0; first < tensor.ElementCount; first += run.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = (int)Math.Min(run.Length, tensor.ElementCount - first);
            codec.Dequantize(model.Span(tensor, first * codec.BlockBytes, count * codec.BlockBytes), run.AsSpan(0, count));
            FiniteWeights.Check(run.AsSpan(0, count), model.Files[tensor.Part], tensor.Name, first, tensor.Dimensions[0]);
            yield return (first, run, count);
        }
    }
}
