using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;

namespace QuantBench.Models.Architectures;

/// <summary>Factors that files of some architectures give for their graph.</summary>
/// <param name="Attention">Of attention scores.</param>
/// <param name="Embedding">Of embeddings.</param>
/// <param name="Residual">Of what attention and feed-forward add to the residual stream.</param>
/// <param name="Logits">Logits are divided by it.</param>
public sealed record Multipliers(float Attention, float Embedding, float Residual, float Logits)
{
    // In the order of the parameters, which is that of llama.cpp's converter.
    private static readonly (string Json, string Gguf)[] s_names =
    [
        ("attention_multiplier", "attention.scale"), ("embedding_multiplier", "embedding_scale"),
        ("residual_multiplier", "residual_scale"), ("logits_scaling", "logit_scale"),
    ];

    private float[] Values => [Attention, Embedding, Residual, Logits];

    /// <summary>Reads them from <c>config.json</c>; 1 where it has none.</summary>
    /// <exception cref="ModelFormatException">One is no number above 0.</exception>
    public static Multipliers Read(ModelJson json) => Of(i => json.Find(s_names[i].Json) is not { } given ? null
        : given.AsDouble() is var value and > 0 ? value : throw given.Wrong("above 0"));

    /// <summary>Reads them from GGUF metadata; 1 where it has none.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="architecture">Prefix of the keys.</param>
    public static Multipliers Read(GgufMetadata metadata, string architecture) =>
        Of(i => metadata.FindNumber($"{architecture}.{s_names[i].Gguf}") is { } value and not 0 ? value : null);

    /// <summary>Adds them to GGUF metadata.</summary>
    /// <param name="metadata">Receives the entries.</param>
    /// <param name="architecture">Prefix of the keys.</param>
    public void AddTo(GgufMetadata metadata, string architecture)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        for (int i = 0; i < s_names.Length; i++) metadata.Add($"{architecture}.{s_names[i].Gguf}", Values[i]);
    }

    /// <summary>Adds them to <c>config.json</c>.</summary>
    public void AddTo(JsonObject config)
    {
        ArgumentNullException.ThrowIfNull(config);
        for (int i = 0; i < s_names.Length; i++) config[s_names[i].Json] = (double)Values[i];
    }

    private static Multipliers Of(Func<int, double?> find)
    {
        float[] values = [.. Enumerable.Range(0, s_names.Length).Select(i => (float)(find(i) ?? 1))];
        return new Multipliers(values[0], values[1], values[2], values[3]);
    }
}
