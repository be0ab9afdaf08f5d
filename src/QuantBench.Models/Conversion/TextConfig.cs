using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using QuantBench.Formats.Files;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Conversion;

/// <summary><c>config.json</c> of a model that reads images, too, as that of its decoder alone.</summary>
internal static class TextConfig
{
    private const string Key = "text_config";

    // What is of images. Other keys beside the decoder's are looked at as its own.
    private static readonly ImmutableArray<string> s_images =
        ["vision_", "image_", "mm_", "boi_", "eoi_", "projector_", "multimodal_", "spatial_merge_size"];

    /// <summary>The decoder's configuration; what is given where there is no decoder within.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    /// <exception cref="Core.Errors.ModelFormatException">It is broken.</exception>
    public static ModelJson Of(ModelJson config)
    {
        if (!config.IsObject || config.Find(Key) is not { IsObject: true } || config.Find("architectures") is not { IsArray: true } names
            || names.Items().FirstOrDefault() is not { IsString: true } name
            || DecoderArchitecture.FindClass(name.AsString()) is not { WrapperClass: { } wrapper } architecture
            || wrapper != name.AsString())
        {
            return config;
        }

        JsonObject all = JsonNode.Parse(File.ReadAllText(config.File))?.AsObject() ?? [];
        JsonObject text = all[Key]?.AsObject() ?? [], merged = JsonNode.Parse(architecture.WrapperDefaults)?.AsObject() ?? [];
        foreach ((string key, JsonNode? value) in text) merged[key] = value?.DeepClone();
        foreach ((string key, JsonNode? value) in all)
        {
            if (key == "architectures") merged[key] = value?.DeepClone();
            else if (key != Key && !text.ContainsKey(key) && !s_images.Any(start => key.StartsWith(start, StringComparison.Ordinal)))
                merged[key] = value?.DeepClone();
        }

        return ModelJson.Parse(Encoding.UTF8.GetBytes(merged.ToJsonString()), config.File, 0);
    }
}
