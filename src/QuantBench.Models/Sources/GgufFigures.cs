using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;

namespace QuantBench.Models.Sources;

/// <summary>Figures of GGUF metadata that no model has. llama.cpp ends the process on them instead of saying so.</summary>
internal static class GgufFigures
{
    private const int MostLayers = 512;
    private const int MostExperts = 512;

    private static readonly string[] s_scalings = ["none", "linear", "yarn", "longrope"];

    /// <summary>Refuses metadata with one.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFormatException">A figure can't be.</exception>
    public static void Check(GgufMetadata metadata, string path)
    {
        if (metadata.FindString(GgufConstants.Architecture) is not { } architecture) return;
        ModelFormatException Wrong(string key, object value, string expected) => new(path, null,
            $"'{architecture}.{key}' should be {expected}, but is {value}.",
            "The file is damaged, or was converted wrongly; make it again.");

        if (metadata.FindInteger($"{architecture}.block_count") is { } layers && layers is < 1 or > MostLayers)
            throw Wrong("block_count", layers, $"between 1 and {MostLayers}");
        foreach (string key in (string[])["attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"])
        {
            if (metadata.FindNumber($"{architecture}.{key}") is { } epsilon && !(double.IsFinite(epsilon) && epsilon >= 0))
                throw Wrong(key, epsilon, "a number not below 0");
        }

        long experts = metadata.FindInteger($"{architecture}.expert_count") ?? 0;
        if (experts is < 0 or > MostExperts) throw Wrong("expert_count", experts, $"between 0 and {MostExperts}");
        long used = metadata.FindInteger($"{architecture}.expert_used_count") ?? 0;
        if (experts > 0 ? used < 1 || used > experts : used != 0)
            throw Wrong("expert_used_count", used, experts > 0 ? $"between 1 and {experts}" : "0 in a model without experts");
        if (metadata.FindString($"{architecture}.rope.scaling.type") is { } scaling && !s_scalings.Contains(scaling))
            throw Wrong("rope.scaling.type", $"'{scaling}'", $"one of {string.Join(", ", s_scalings)}");
        foreach (string key in (string[])["rope.scaling.factor", "rope.scale_linear"])
        {
            if (metadata.FindNumber($"{architecture}.{key}") is { } factor && !(double.IsFinite(factor) && factor >= 0))
                throw Wrong(key, factor, "a number not below 0");
        }
    }
}
