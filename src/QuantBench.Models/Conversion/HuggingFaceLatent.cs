using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Conversion;

/// <summary>What <c>config.json</c> says about latent attention.</summary>
internal static class HuggingFaceLatent
{
    private const int MaxSize = 1 << 20;

    /// <summary>Its sizes.</summary>
    /// <exception cref="ModelFormatException">One is missing or can't be.</exception>
    public static LatentSizes Read(ModelJson json)
    {
        int Size(string key) => json.Get(key).AsInt32(1, MaxSize);
        ModelJson? query = json.Find("q_lora_rank");
        ModelJson rotated = json.Get("qk_rope_head_dim");
        var sizes = new LatentSizes(query is { IsNull: false } rank ? rank.AsInt32(1, MaxSize) : 0, Size("kv_lora_rank"),
            Size("qk_nope_head_dim"), rotated.AsInt32(2, MaxSize) is var width && width % 2 == 0 ? width : throw rotated.Wrong("even"),
            Size("v_head_dim"));
        return json.Find("qk_head_dim") is { } whole && whole.AsInt64() != sizes.HeadWidth
            ? throw whole.Wrong($"{sizes.HeadWidth}, as its two parts are together") : sizes;
    }
}
