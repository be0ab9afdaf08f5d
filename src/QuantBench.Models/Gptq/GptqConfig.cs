using QuantBench.Core.Errors;
using QuantBench.Formats.Files;

namespace QuantBench.Models.Gptq;

/// <summary>What <c>config.json</c> (<c>quantization_config</c>) or <c>quantize_config.json</c> says about GPTQ weights.</summary>
/// <param name="Bits">2, 3, 4 or 8.</param>
/// <param name="GroupSize">Input features that share a scale; −1 = all of them.</param>
/// <param name="ZeroShift">What is added to stored zero points: 1 in checkpoints of format <c>gptq</c>, 0 in <c>gptq_v2</c>.</param>
public sealed record GptqConfig(int Bits, int GroupSize, int ZeroShift)
{
    /// <summary>Whether the file says which format it is; if not, the weights must show it (<see cref="GptqZeroPoints"/>).</summary>
    public bool SaysFormat { get; init; } = true;

    /// <summary>Whether modules may have other bits and group sizes than these (<c>dynamic</c>); their tensors say which.</summary>
    public bool IsMixed { get; init; }

    /// <summary>Reads the settings.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    /// <param name="directory">Where the model lies.</param>
    /// <returns>Null when the model isn't quantized with GPTQ.</returns>
    /// <exception cref="ModelFormatException">The settings are broken or of a kind that isn't read.</exception>
    internal static GptqConfig? Read(ModelJson config, string directory)
    {
        string separate = Path.Combine(directory, "quantize_config.json");
        ModelJson json;
        if (config.Find("quantization_config") is { } inside)
        {
            if (inside.Find("quant_method")?.AsString() != "gptq") return null;
            json = inside;
        }
        else if (File.Exists(separate))
        {
            json = ModelJson.ReadFile(separate);
            if (json.Find("quant_method") is { } method && method.AsString() != "gptq") return null;
        }
        else
        {
            return null;
        }

        ModelJson bits = json.Get("bits");
        if (bits.AsInt32(1, 8) is not (2 or 3 or 4 or 8))
            throw new UnsupportedException(json.File, $"GPTQ weights of {bits.AsInt64()} bits are not read; 2, 3, 4 and 8 are.");
        if (json.Find("pack_dtype") is { IsString: true } pack && pack.AsString() != "int32")
        {
            throw new UnsupportedException(json.File,
                $"GPTQ weights packed as '{pack.AsString()}' ('pack_dtype') are not read; 'int32' is.");
        }

        if (json.Find("is_marlin_format") is { IsBoolean: true } marlin && marlin.AsBoolean())
            throw new UnsupportedException(json.File, "GPTQ weights in Marlin's order ('is_marlin_format') are not read.");
        ModelJson group = json.Get("group_size");
        if (group.AsInt64() is not (-1 or > 0 and <= int.MaxValue)) throw group.Wrong("-1 or above 0");
        string? format = (json.Find("checkpoint_format") ?? json.Find("format"))?.AsString();
        int shift = format switch
        {
            null or "gptq" => 1,
            "gptq_v2" => 0,
            _ => throw new UnsupportedException(json.File,
                $"the checkpoint format '{format}' is not read; 'gptq' and 'gptq_v2' are."),
        };
        return new GptqConfig((int)bits.AsInt64(), (int)group.AsInt64(), shift)
        {
            SaysFormat = format is not null,
            IsMixed = json.Find("dynamic") is { IsObject: true } dynamic && dynamic.Members().Any(),
        };
    }
}
