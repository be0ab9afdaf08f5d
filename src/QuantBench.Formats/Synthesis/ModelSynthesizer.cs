using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Tokenizers;

namespace QuantBench.Formats.Synthesis;

/// <summary>
/// Writes GGUF files with random weights in the exact shape of a real model, so that speed and memory of real sizes can be measured without
/// downloads. What such a model says, and its perplexity, mean nothing.
/// </summary>
public static class ModelSynthesizer
{
    /// <summary>Metadata key (true) that marks a file as synthetic.</summary>
    public const string MarkKey = "quantbench.synthetic";

    private const int PieceBytes = 1 << 20;

    /// <summary>Schemes that can be written: every tensor type llama.cpp can run, and the mix <c>Q4_K_M</c>.</summary>
    public static ImmutableArray<string> Schemes { get; } =
        [.. GgmlTypes.All.Where(type => SyntheticBlocks.Knows(type.Type)).Select(type => type.Name), "Q4_K_M"];

    /// <summary>Writes a model.</summary>
    /// <param name="path">File to write; replaced if it is there.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="scheme">One of <see cref="Schemes"/>. As llama.cpp's quantizer does, output heads of low-bit schemes are Q6_K.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <param name="cancellationToken">Looked at between tensors.</param>
    /// <exception cref="RequestException">There is no such scheme, or its blocks don't fit the shape.</exception>
    public static void Write(string path, SyntheticShape shape, string scheme, int seed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (!Schemes.Contains(scheme)) throw new RequestException($"There is no synthetic scheme '{scheme}'.", $"Take one of {string.Join(", ", Schemes)}.");
        if (shape.Vocabulary < 264) throw new RequestException($"A synthetic vocabulary needs 264 tokens, not {shape.Vocabulary}.", "Give a larger one.");
        ImmutableArray<GgufTensorSpec> tensors = Tensors(shape, scheme);
        var blocks = new SyntheticBlocks(seed);
        using var writer = new GgufWriter(File.Create(path), Metadata(shape, path, scheme), tensors);
        byte[] piece = new byte[PieceBytes];
        foreach (GgufTensorSpec tensor in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int blockBytes = GgmlTypes.Get(tensor.Type).BlockBytes;
            int whole = PieceBytes / blockBytes * blockBytes;
            for (long left = tensor.ByteSize; left > 0;)
            {
                Span<byte> bytes = piece.AsSpan(0, (int)Math.Min(left, whole));
                Fill(blocks, tensor, bytes, shape);
                writer.Append(bytes);
                left -= bytes.Length;
            }
        }

        writer.Complete();
    }

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

    private static ImmutableArray<GgufTensorSpec> Tensors(SyntheticShape shape, string scheme)
    {
        ImmutableArray<GgufTensorSpec>.Builder tensors = ImmutableArray.CreateBuilder<GgufTensorSpec>();
        GgmlType matrix = scheme == "Q4_K_M" ? GgmlType.Q4_K : GgmlTypes.All.First(type => type.Name == scheme).Type;
        bool isFloat = matrix is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16;
        GgmlType head = isFloat || matrix == GgmlType.Q8_0 ? matrix : shape.Embedding % 256 == 0 ? GgmlType.Q6_K : GgmlType.Q8_0;
        void Matrix(string name, int rows, int columns, GgmlType type)
        {
            if (columns % GgmlTypes.Get(type).BlockElements != 0)
            {
                throw new RequestException($"Rows of {columns} weights ('{name}') don't fit blocks of {type}.", "Take a scheme with smaller blocks.");
            }

            tensors.Add(new GgufTensorSpec(name + ".weight", type, [columns, rows]));
        }

        void Vector(string name, int length) => tensors.Add(new GgufTensorSpec(name, GgmlType.F32, [length]));

        bool gemma = shape.Architecture is "gemma2" or "gemma3";
        int width = shape.Embedding, headWidth = shape.EffectiveHeadWidth;
        int queries = shape.Heads * headWidth, keys = shape.KvHeads * headWidth;
        Matrix("token_embd", shape.Vocabulary, width, shape.TiesEmbeddings ? head : matrix);
        if (!shape.TiesEmbeddings) Matrix("output", shape.Vocabulary, width, head);
        Vector("output_norm.weight", width);
        if (shape.HasRopeFactors) Vector("rope_freqs.weight", (shape.RotatedWidth > 0 ? shape.RotatedWidth : headWidth) / 2);
        for (int i = 0; i < shape.Layers; i++)
        {
            string prefix = $"blk.{i}.";
            bool more = i < shape.Layers / 8 || i >= 7 * shape.Layers / 8 || (i - (shape.Layers / 8)) % 3 == 2;
            GgmlType wide = scheme == "Q4_K_M" && more ? GgmlType.Q6_K : matrix;
            Vector(prefix + "attn_norm.weight", width);
            if (shape.Architecture == "phi3")
            {
                Matrix(prefix + "attn_qkv", queries + (2 * keys), width, wide);
            }
            else
            {
                Matrix(prefix + "attn_q", queries, width, matrix);
                Matrix(prefix + "attn_k", keys, width, matrix);
                Matrix(prefix + "attn_v", keys, width, wide);
            }

            if (shape.Architecture == "qwen2")
            {
                Vector(prefix + "attn_q.bias", queries);
                Vector(prefix + "attn_k.bias", keys);
                Vector(prefix + "attn_v.bias", keys);
            }

            if (shape.Architecture is "qwen3" or "gemma3")
            {
                Vector(prefix + "attn_q_norm.weight", headWidth);
                Vector(prefix + "attn_k_norm.weight", headWidth);
            }

            Matrix(prefix + "attn_output", width, queries, matrix);
            if (gemma) Vector(prefix + "post_attention_norm.weight", width);
            Vector(prefix + "ffn_norm.weight", width);
            if (shape.Architecture != "phi3") Matrix(prefix + "ffn_gate", shape.FeedForward, width, matrix);
            Matrix(prefix + "ffn_up", (shape.Architecture == "phi3" ? 2 : 1) * shape.FeedForward, width, matrix);
            Matrix(prefix + "ffn_down", width, shape.FeedForward, wide);
            if (gemma) Vector(prefix + "post_ffw_norm.weight", width);
        }

        return tensors.ToImmutable();
    }

    private static GgufMetadata Metadata(SyntheticShape shape, string path, string scheme)
    {
        string prefix = shape.Architecture + ".";
        var metadata = new GgufMetadata(path)
        {
            { GgufConstants.Architecture, shape.Architecture },
            { GgufConstants.Name, shape.Name + " (random weights)" },
            { MarkKey, true },
            { prefix + "context_length", (uint)shape.ContextLength },
            { prefix + "embedding_length", (uint)shape.Embedding },
            { prefix + "block_count", (uint)shape.Layers },
            { prefix + "feed_forward_length", (uint)shape.FeedForward },
            { prefix + "attention.head_count", (uint)shape.Heads },
            { prefix + "attention.head_count_kv", (uint)shape.KvHeads },
            { prefix + "attention.key_length", (uint)shape.EffectiveHeadWidth },
            { prefix + "attention.value_length", (uint)shape.EffectiveHeadWidth },
            { prefix + "attention.layer_norm_rms_epsilon", 1e-5f },
            { prefix + "rope.freq_base", shape.RopeBase },
            { prefix + "rope.dimension_count", (uint)(shape.RotatedWidth > 0 ? shape.RotatedWidth : shape.EffectiveHeadWidth) },
            { prefix + "vocab_size", (uint)shape.Vocabulary },
        };
        if (QuantSchemes.Find("gguf", scheme) is { } known) metadata.Add(GgufConstants.FileType, (uint)known.FileType);
        if (shape.Window > 0) metadata.Add(prefix + "attention.sliding_window", (uint)shape.Window);
        if (shape.RopeScaling is { } scaling)
        {
            metadata.Add(prefix + "rope.scaling.type", scaling.Type);
            metadata.Add(prefix + "rope.scaling.factor", scaling.Factor);
            metadata.Add(prefix + "rope.scaling.original_context_length", (uint)(shape.ContextLength / scaling.Factor));
        }

        if (shape.Architecture == "gemma2")
        {
            metadata.Add(prefix + "attn_logit_softcapping", 50f);
            metadata.Add(prefix + "final_logit_softcapping", 30f);
        }

        AddTokenizer(metadata, shape.Vocabulary);
        return metadata;
    }

    /// <summary>The smallest tokenizer that every reader accepts: one token per byte, one merge, and names for the rest.</summary>
    private static void AddTokenizer(GgufMetadata metadata, int vocabulary)
    {
        string[] tokens = new string[vocabulary];
        for (int i = 0; i < 256; i++) tokens[i] = ByteLevel.Alphabet[i].ToString();
        tokens[256] = "th";
        string[] special = ["<unk>", "<s>", "</s>", "<|endoftext|>"]; // llama.cpp looks these up by name for phi-3.
        for (int i = 257; i < vocabulary; i++) tokens[i] = i < 257 + special.Length ? special[i - 257] : $"<|random{i}|>";
        int[] types = new int[vocabulary];
        Array.Fill(types, 1);
        Array.Fill(types, 3, 257, vocabulary - 257); // Control tokens: text never becomes one of them.
        metadata.Add("tokenizer.ggml.model", "gpt2");
        metadata.Add("tokenizer.ggml.pre", "gpt-2");
        metadata.Add("tokenizer.ggml.tokens", tokens);
        metadata.Add("tokenizer.ggml.token_type", types);
        metadata.Add("tokenizer.ggml.merges", (string[])["t h"]);
        metadata.Add("tokenizer.ggml.bos_token_id", 258u);
        metadata.Add("tokenizer.ggml.eos_token_id", 259u);
        metadata.Add("tokenizer.ggml.add_bos_token", false);
    }
}
