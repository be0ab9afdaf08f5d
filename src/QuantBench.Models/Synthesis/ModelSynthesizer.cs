using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;

namespace QuantBench.Models.Synthesis;

/// <summary>
/// Writes GGUF files with random weights in the exact shape of a real model, so that speed and memory of real sizes can be measured without
/// downloads. What such a model says, and its perplexity, mean nothing.
/// </summary>
public static class ModelSynthesizer
{
    /// <summary>By what DeepSeek-V2 sharpens attention where positions are stretched.</summary>
    internal const double LatentSharpness = 0.707;

    private const int PieceBytes = 1 << 20;

    /// <summary>Schemes that can be written: every one of GGUF for dense models, with the mix of tensor types that llama.cpp's quantizer
    /// makes, and single block types.</summary>
    public static ImmutableArray<string> Schemes => SchemeMix.Schemes;

    /// <summary>Writes a model.</summary>
    /// <param name="path">File to write; replaced if it is there.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="scheme">One of <see cref="Schemes"/>, in any case, with or without <c>gguf:</c>.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <param name="progress">Receives the share of bytes written, 0 to 1.</param>
    /// <exception cref="RequestException">There is no such scheme.</exception>
    /// <exception cref="UnsupportedException">Rows of this shape aren't whole blocks, and too little would be of the scheme.</exception>
    public static void Write(string path, SyntheticShape shape, string scheme, int seed, CancellationToken cancellationToken,
        IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(scheme);
        string bare = scheme.StartsWith("gguf:", StringComparison.OrdinalIgnoreCase) ? scheme["gguf:".Length..] : scheme;
        scheme = Schemes.FirstOrDefault(s => s.Equals(bare, StringComparison.OrdinalIgnoreCase))
            ?? throw new RequestException($"There is no synthetic scheme '{scheme}'.", $"Take one of {string.Join(", ", Schemes)}.");
        SyntheticTokenizer.Check(shape.Vocabulary);
        ImmutableArray<GgufTensorSpec> tensors = Tensors(shape, scheme);
        if (QuantSchemes.Find("gguf", scheme) is { } known
            && SchemeCheck.Refusal(
                tensors.Select(t => (t.Name, t.Type, t.Dimensions.Length, Elements(t), t.ByteSize)), known) is { } reason)
        {
            throw new UnsupportedException($"{shape.Name} in {scheme}", $"{reason}.", "Take another scheme or shape.");
        }

        var blocks = new SyntheticBlocks(seed);
        using var writer = new GgufWriter(File.Create(path), Metadata(shape, path, scheme), tensors);
        byte[] piece = new byte[PieceBytes];
        double total = tensors.Sum(t => (double)t.ByteSize);
        double written = 0;
        foreach (GgufTensorSpec tensor in tensors)
        {
            int blockBytes = GgmlTypes.Get(tensor.Type).BlockBytes;
            int whole = PieceBytes / blockBytes * blockBytes;
            for (long left = tensor.ByteSize; left > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<byte> bytes = piece.AsSpan(0, (int)Math.Min(left, whole));
                Fill(blocks, tensor, bytes, shape);
                writer.Append(bytes);
                left -= bytes.Length;
                written += bytes.Length;
                progress?.Report(written / total);
            }
        }

        writer.Complete();
    }

    private static long Elements(GgufTensorSpec tensor) => tensor.Dimensions.Aggregate(1L, (all, one) => all * one);

    private static void Fill(SyntheticBlocks blocks, GgufTensorSpec tensor, Span<byte> bytes, SyntheticShape shape)
    {
        if (tensor.Name == "rope_freqs.weight")
        {
            LlamaRopeFactors(shape, MemoryMarshal.Cast<byte, float>(bytes));
        }
        else if (tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal))
        {
            blocks.Fill(tensor.Type, bytes, 0.1f);
            foreach (ref float weight in MemoryMarshal.Cast<byte, float>(bytes)) weight += 1;
        }
        else if (tensor.Name.EndsWith("attn_sinks.weight", StringComparison.Ordinal))
        {
            blocks.Fill(tensor.Type, bytes, 1);
        }
        else if (tensor.Name.EndsWith(".bias", StringComparison.Ordinal))
        {
            blocks.Fill(tensor.Type, bytes, 0.1f);
        }
        else
        {
            // Products keep the size of their inputs; embeddings start small, as trained ones do.
            float deviation = tensor.Name == "token_embd.weight" ? 0.05f : 1 / MathF.Sqrt(tensor.Dimensions[0]);
            blocks.Fill(tensor.Type, bytes, deviation);
        }
    }

    /// <summary>Llama 3.1's divisors: long wavelengths are stretched by 32, short ones stay, with a ramp between.</summary>
    private static void LlamaRopeFactors(SyntheticShape shape, Span<float> factors)
    {
        const float factor = 32, low = 1, high = 4, original = 8192;
        for (int i = 0; i < factors.Length; i++)
        {
            float wavelength = 2 * MathF.PI * MathF.Pow(shape.RopeBase, 2f * i / (2 * factors.Length));
            float smooth = Math.Clamp(((original / wavelength) - low) / (high - low), 0, 1);
            factors[i] = 1 / (((1 - smooth) / factor) + smooth);
        }
    }

    /// <summary>All tensors: the head's with the embedding, biases behind the projections.</summary>
    internal static ImmutableArray<GgufTensorSpec> Tensors(SyntheticShape shape, string scheme)
    {
        ImmutableArray<GgufTensorSpec>.Builder tensors = ImmutableArray.CreateBuilder<GgufTensorSpec>();
        DecoderSizes sizes = shape.Sizes;
        var mix = new SchemeMix(scheme, shape.Layers, shape.Heads / sizes.KvHeads, shape.Experts,
            shape.SharedFeedForward > 0 ? shape.LeadingDense : null);
        ImmutableArray<DecoderModule> modules = DecoderModule.Of(sizes);
        List<GgufTensorSpec> biases = [];
        foreach (DecoderModule module in modules.Where(IsOutsideOfLayers).OrderBy(module => module.Role)) Add(module);
        if (shape.HasRopeFactors)
        {
            tensors.Add(new GgufTensorSpec("rope_freqs.weight", GgmlType.F32, [shape.EffectiveRotatedWidth / 2]));
        }

        foreach (DecoderModule module in modules.Where(module => !IsOutsideOfLayers(module))) Add(module);
        tensors.AddRange(biases);
        return tensors.ToImmutable();

        void AddHeads(DecoderRole role, int layer, int columns, int rows) => tensors.Add(new GgufTensorSpec(
            $"{DecoderModule.GgufName(role, layer)}.weight", mix.TypeOf(role, layer, columns), [columns, rows, sizes.Heads]));

        void Add(DecoderModule module)
        {
            if (!SyntheticShape.IsProjection(module.Role))
            {
                tensors.AddRange(biases);
                biases.Clear();
            }

            DecoderRole role = module.Role == DecoderRole.Embedding && sizes.TiesEmbeddings ? DecoderRole.Head : module.Role;
            if (module.Role == DecoderRole.KeyValueUp && sizes.Latent is { } latent)
            {
                // In GGUF files each head's keys and values have matrices of their own.
                AddHeads(DecoderRole.KeyUp, module.Layer, latent.PlainWidth, latent.KeyRank);
                AddHeads(DecoderRole.ValueUp, module.Layer, latent.KeyRank, latent.ValueWidth);
                return;
            }

            int columns = (int)module.Columns;
            bool isOne = module.Experts == 0;
            tensors.Add(module.IsNorm ? new GgufTensorSpec(module.GgufTensor, GgmlType.F32, [columns])
                : new GgufTensorSpec($"{module.Gguf}.weight",
                    module.IsRouter ? GgmlType.F32 : mix.TypeOf(role, module.Layer, columns),
                    isOne ? [columns, module.Rows] : [columns, module.Rows, module.Experts]));
            if (module.IsNorm ? sizes.Architecture.HasNormBiases : sizes.Architecture.HasBias(module.Role))
            {
                int length = module.IsNorm ? columns : (int)module.Rows;
                biases.Add(new GgufTensorSpec($"{module.Gguf}.bias", GgmlType.F32, isOne ? [length] : [length, module.Experts]));
            }
        }
    }

    private static bool IsOutsideOfLayers(DecoderModule module) => module.Role <= DecoderRole.FinalNorm;

    private static GgufMetadata Metadata(SyntheticShape shape, string path, string scheme)
    {
        DecoderSizes sizes = shape.Sizes;
        string gguf = sizes.Architecture.Gguf, prefix = gguf + ".";
        var metadata = new GgufMetadata(path)
        {
            { GgufConstants.Architecture, gguf },
            { GgufConstants.Name, shape.Name + " (random weights)" },
            { SyntheticMark.Key, true },
            { prefix + "context_length", (uint)shape.ContextLength },
            { prefix + "embedding_length", (uint)shape.Embedding },
            { prefix + "block_count", (uint)shape.Layers },
            { prefix + "feed_forward_length", (uint)shape.FeedForward },
            { prefix + "attention.head_count", (uint)shape.Heads },
            { prefix + "attention.head_count_kv", (uint)sizes.KvHeads },
            { prefix + "attention.key_length", (uint)shape.EffectiveHeadWidth },
            { prefix + "attention.value_length", (uint)(shape.Latent?.KeyRank ?? shape.EffectiveHeadWidth) },
            { prefix + $"attention.layer_norm_{(shape.Sizes.Architecture.HasLayerNorms ? "" : "rms_")}epsilon", 1e-5f },
            { prefix + "rope.freq_base", shape.RopeBase },
            { prefix + "rope.dimension_count", (uint)shape.EffectiveRotatedWidth },
            { prefix + "vocab_size", (uint)shape.Vocabulary },
        };
        if (QuantSchemes.Find("gguf", scheme) is { } known) metadata.Add(GgufConstants.FileType, (uint)known.FileType);
        if (shape.Window > 0) metadata.Add(prefix + "attention.sliding_window", (uint)shape.Window);
        if (shape.RopeScaling is { } scaling)
        {
            metadata.Add(prefix + "rope.scaling.type", scaling.Type);
            metadata.Add(prefix + "rope.scaling.factor", scaling.Factor);
            metadata.Add(prefix + "rope.scaling.original_context_length", (uint)(shape.ContextLength / scaling.Factor));
            if (shape.Latent is not null) metadata.Add(prefix + "rope.scaling.yarn_log_multiplier", (float)LatentSharpness / 10);
        }

        if (shape.Latent is { } latent)
        {
            if (latent.QueryRank > 0) metadata.Add(prefix + "attention.q_lora_rank", (uint)latent.QueryRank);
            metadata.Add(prefix + "attention.kv_lora_rank", (uint)latent.KeyRank);
            metadata.Add(prefix + "attention.key_length_mla", (uint)latent.HeadWidth);
            metadata.Add(prefix + "attention.value_length_mla", (uint)latent.ValueWidth);
        }

        DecoderArchitecture architecture = shape.Sizes.Architecture;
        if (shape.Temperature > 0) metadata.Add(prefix + "attention.temperature_scale", shape.Temperature);
        if (shape.Experts > 0)
        {
            metadata.Add(prefix + "expert_count", (uint)shape.Experts);
            metadata.Add(prefix + "expert_used_count", (uint)shape.ExpertsUsed);
            if (architecture.Experts is { HasGgufWidth: true })
                metadata.Add(prefix + "expert_feed_forward_length", (uint)shape.EffectiveExpertWidth);
            if (architecture.Experts is { FilesDecide: true })
                HuggingFaceMetadata.AddRouting(metadata, sizes, shape.Routing ?? new ExpertRouting(ExpertWeights.Softmax), gguf);
            else if (shape.SharedFeedForward > 0)
                metadata.Add(prefix + "expert_shared_feed_forward_length", (uint)shape.SharedFeedForward);
        }

        if (architecture.AttentionSoftCap > 0) metadata.Add(prefix + "attn_logit_softcapping", architecture.AttentionSoftCap);
        if (architecture.LogitSoftCap > 0) metadata.Add(prefix + "final_logit_softcapping", architecture.LogitSoftCap);

        if (architecture.LogitFactor > 0) metadata.Add(prefix + "logit_scale", architecture.LogitFactor);
        shape.Multipliers?.AddTo(metadata, gguf);
        SyntheticTokenizer.Add(metadata, shape.Vocabulary);
        return metadata;
    }
}
