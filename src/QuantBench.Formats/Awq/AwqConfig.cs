using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Formats.Awq;

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
        if (bits.AsInt64() != 4) throw bits.Wrong("4; other widths are not read");
        ModelJson group = json.Find("group_size") ?? json.Get("q_group_size");
        if (group.AsInt64() is not (-1 or > 0 and <= int.MaxValue)) throw group.Wrong("-1 or above 0");
        string version = json.Find("version")?.AsString() ?? "gemm";
        if (!version.Equals("gemm", StringComparison.OrdinalIgnoreCase))
        {
            throw new ModelFormatException(json.File, null,
                $"the AWQ version '{version}' is not read; 'gemm' is.")
            { IsUnsupported = true };
        }

        return new AwqConfig((int)group.AsInt64());
    }
}
