using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Formats.Conversion;

/// <summary>
/// Makes a GGUF file of float weights from a Hugging Face directory, with the metadata, tensor names and row order of llama.cpp's
/// <c>convert_hf_to_gguf.py</c>. Architectures: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM.
/// </summary>
public static class HuggingFaceToGguf
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "1";

    private const int ChunkElements = 1 << 20;

    /// <summary>Converts. The same source content gives the same bytes, wherever it lies.</summary>
    /// <param name="sourceDirectory">A Hugging Face directory.</param>
    /// <param name="outputPath">The file to write; replaced if it is there.</param>
    /// <param name="floatType">F32, F16 or BF16; vectors and norms are F32 in any case.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces of about a million weights; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken or of a kind that isn't converted.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(string sourceDirectory, string outputPath, GgmlType floatType, IProgress<double> progress, CancellationToken cancellationToken)
    {
        if (floatType is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)) throw new ArgumentOutOfRangeException(nameof(floatType), floatType, "F32, F16 or BF16");
        cancellationToken.ThrowIfCancellationRequested();
        HuggingFaceConfig config = HuggingFaceConfig.Read(sourceDirectory);
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Read(sourceDirectory, config.VocabularySize);
        using SafetensorsModel model = SafetensorsModel.Open(sourceDirectory);
        ImmutableArray<PlannedTensor> plan = TensorPlan.Make(config, model, sourceDirectory);
        float[] ropeFactors = RopeFactors(config);
        ImmutableArray<GgufTensorSpec> specs =
        [
            .. ropeFactors.Length > 0 ? [new GgufTensorSpec("rope_freqs.weight", GgmlType.F32, [ropeFactors.Length])] : Array.Empty<GgufTensorSpec>(),
            .. plan.Select(tensor => new GgufTensorSpec(tensor.Target, TypeOf(tensor, floatType), [.. tensor.Source.Shape.Reverse()])),
        ];

        GgufMetadata metadata = MakeMetadata(config, tokenizer, floatType, outputPath);
        try
        {
            using var writer = new GgufWriter(new FileStream(outputPath, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16), metadata, specs);
            WriteTensors(writer, model, plan, ropeFactors, floatType, progress, cancellationToken);
            writer.Complete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RequestException($"The file '{outputPath}' can't be written: {e.Message}", "Check that the directory exists, may be written to and has room.", e);
        }
    }

    private static void WriteTensors(
        GgufWriter writer,
        SafetensorsModel model,
        ImmutableArray<PlannedTensor> plan,
        float[] ropeFactors,
        GgmlType floatType,
        IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        writer.Append(MemoryMarshal.AsBytes<float>(ropeFactors));
        long total = plan.Sum(tensor => tensor.Source.ElementCount);
        long done = 0;
        foreach (PlannedTensor tensor in plan)
        {
            foreach (int elements in WriteTensor(writer, model, tensor, TypeOf(tensor, floatType)))
            {
                cancellationToken.ThrowIfCancellationRequested();
                done += elements;
                progress.Report((double)done / total);
            }
        }
    }

    /// <summary>Vectors and norms stay F32: engines read them so, and they take no room.</summary>
    private static GgmlType TypeOf(PlannedTensor tensor, GgmlType floatType) => tensor.Source.Shape.Length <= 1 ? GgmlType.F32 : floatType;

    /// <summary>Writes a tensor piece by piece; yields the number of elements of each.</summary>
    private static IEnumerable<int> WriteTensor(GgufWriter writer, SafetensorsModel model, PlannedTensor tensor, GgmlType type)
    {
        // Pieces are whole rows where rows are reordered, and any run of elements otherwise.
        bool isPermuted = tensor.PermutedHeads > 0;
        long runs = isPermuted ? tensor.Rows : 1;
        long runLength = isPermuted ? tensor.Columns : checked(tensor.Rows * tensor.Columns);
        int pieceLength = (int)Math.Min(runLength, ChunkElements);
        int sourceBytes = tensor.Source.ElementBytes;
        int targetBytes = FloatRows.ElementBytes(type);
        float[] floats = new float[pieceLength];
        byte[] target = new byte[pieceLength * targetBytes];
        int reported = 0;
        for (long run = 0; run < runs; run++)
        {
            long runStart = tensor.SourceRow(run) * runLength;
            for (long at = 0; at < runLength; at += pieceLength)
            {
                int count = (int)Math.Min(pieceLength, runLength - at);
                ReadOnlySpan<byte> source = model.Span(tensor.Source, (runStart + at) * sourceBytes, count * sourceBytes);
                FloatRows.Convert(source, tensor.Source.DType, target.AsSpan(0, count * targetBytes), type, floats.AsSpan(0, count));
                writer.Append(target.AsSpan(0, count * targetBytes));
                reported += count;
                if (reported < ChunkElements) continue;
                yield return reported;
                reported = 0;
            }
        }

        yield return reported;
    }

    private static GgufMetadata MakeMetadata(HuggingFaceConfig config, HuggingFaceTokenizer tokenizer, GgmlType floatType, string outputPath)
    {
        string arch = config.GgufArchitecture;
        var metadata = new GgufMetadata(outputPath);
        metadata.Add(GgufConstants.Architecture, arch);
        metadata.Add("general.type", "model");
        metadata.Add(GgufConstants.Name, config.Name);
        metadata.Add($"{arch}.block_count", (uint)config.LayerCount);
        metadata.Add($"{arch}.context_length", (uint)config.ContextLength);
        metadata.Add($"{arch}.embedding_length", (uint)config.HiddenSize);
        metadata.Add($"{arch}.feed_forward_length", (uint)config.IntermediateSize);
        metadata.Add($"{arch}.attention.head_count", (uint)config.HeadCount);
        metadata.Add($"{arch}.attention.head_count_kv", (uint)config.KeyValueHeadCount);
        AddRopeScaling(metadata, config);
        if (config.RopeBase is { } ropeBase) metadata.Add($"{arch}.rope.freq_base", (float)ropeBase);
        metadata.Add($"{arch}.attention.layer_norm_rms_epsilon", (float)config.NormEpsilon);
        if (config.HasHeadSize)
        {
            metadata.Add($"{arch}.attention.key_length", (uint)config.HeadSize);
            metadata.Add($"{arch}.attention.value_length", (uint)config.HeadSize);
        }

        metadata.Add(GgufConstants.FileType, floatType switch { GgmlType.F32 => 0u, GgmlType.F16 => 1u, _ => 32u });
        metadata.Add($"{arch}.vocab_size", (uint)config.VocabularySize);
        if (config.PermutesHeads) metadata.Add($"{arch}.rope.dimension_count", (uint)config.HeadSize);
        GgufTokenizer.Write(metadata, tokenizer);
        metadata.Add(GgufConstants.QuantizationVersion, 2u);
        return metadata;
    }

    private static void AddRopeScaling(GgufMetadata metadata, HuggingFaceConfig config)
    {
        // llama3's scaling isn't metadata but a tensor of factors.
        if (config.RopeScaling is not { Type: not "llama3" } scaling) return;
        string prefix = $"{config.GgufArchitecture}.rope.scaling";
        metadata.Add($"{prefix}.type", scaling.Type);
        metadata.Add($"{prefix}.factor", (float)scaling.Factor);
        if (scaling.Type != "yarn") return;
        metadata.Add($"{prefix}.original_context_length", (uint)scaling.Source.Get("original_max_position_embeddings").AsInt32(1, int.MaxValue));
        AddNumber("extrapolation_factor", "yarn_ext_factor");
        AddNumber(scaling.Source.Find("attention_factor") is null ? "attn_factor" : "attention_factor", "yarn_attn_factor");
        AddNumber("beta_fast", "yarn_beta_fast");
        AddNumber("beta_slow", "yarn_beta_slow");

        void AddNumber(string from, string to)
        {
            if (scaling.Source.Find(from) is { } number) metadata.Add($"{prefix}.{to}", (float)number.AsDouble());
        }
    }

    /// <summary>
    /// What llama3's scaling divides each rotation frequency by: 1 for waves that fit the trained context often, the factor for those
    /// that don't, a blend between.
    /// </summary>
    internal static float[] RopeFactors(HuggingFaceConfig config)
    {
        if (config.RopeScaling is not { Type: "llama3" } scaling) return [];
        ModelJson json = scaling.Source;
        double lowFactor = json.Find("low_freq_factor")?.AsDouble() ?? 1.0;
        double highFactor = json.Find("high_freq_factor")?.AsDouble() ?? 4.0;
        double trainedContext = json.Find("original_max_position_embeddings")?.AsInt32(1, int.MaxValue) ?? 8192;
        if (lowFactor <= 0 || highFactor <= lowFactor) throw new ModelFormatException(json.File, null, "'high_freq_factor' must be above 'low_freq_factor', and that above 0.");
        float ropeBase = (float)(config.RopeBase ?? 10000.0);
        float[] factors = new float[config.HeadSize / 2];
        for (int i = 0; i < factors.Length; i++)
        {
            // Frequencies are single precision in the converter this follows.
            float frequency = 1.0f / MathF.Pow(ropeBase, 2.0f * i / config.HeadSize);
            double wavelength = 2 * Math.PI / frequency;
            double smooth = ((trainedContext / wavelength) - lowFactor) / (highFactor - lowFactor);
            factors[i] = wavelength < trainedContext / highFactor ? 1
                : wavelength > trainedContext / lowFactor ? (float)scaling.Factor
                : (float)(1 / (((1 - smooth) / scaling.Factor) + smooth));
        }

        return factors;
    }
}
