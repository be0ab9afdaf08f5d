using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Models.Awq;

/// <summary>What <c>config.json</c> (<c>quantization_config</c>) or <c>quant_config.json</c> says about AWQ weights; 4 bits, GEMM
/// order.</summary>
/// <param name="GroupSize">Input features that share a scale; −1 = all of them.</param>
public sealed record AwqConfig(int GroupSize)
{
    /// <summary>Reads the settings.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    /// <param name="directory">Where the model lies.</param>
    /// <returns>Null when the model isn't quantized with AWQ.</returns>
    /// <exception cref="ModelFormatException">The settings are broken or of a kind that isn't read.</exception>
    internal static AwqConfig? Read(ModelJson config, string directory)
    {
        string separate = Path.Combine(directory, "quant_config.json");
        ModelJson json;
        if (config.Find("quantization_config") is { } inside)
        {
            if (inside.Find("quant_method")?.AsString() != "awq") return null;
            json = inside;
        }
        else if (File.Exists(separate))
        {
            json = ModelJson.ReadFile(separate);
        }
        else
        {
            return null;
        }

        ModelJson bits = json.Find("bits") ?? json.Get("w_bit");
        if (bits.AsInt32(1, 8) != 4)
            throw new UnsupportedException(json.File, $"AWQ weights of {bits.AsInt64()} bits are not read; 4 are.");
        ModelJson group = json.Find("group_size") ?? json.Get("q_group_size");
        if (group.AsInt64() is not (-1 or > 0 and <= int.MaxValue)) throw group.Wrong("-1 or above 0");
        string version = json.Find("version")?.AsString() ?? "gemm";
        if (!version.Equals("gemm", StringComparison.OrdinalIgnoreCase))
        {
            throw new UnsupportedException(json.File,
                $"the AWQ version '{version}' is not read; 'gemm' is.");
        }

        return new AwqConfig((int)group.AsInt64());
    }
}
