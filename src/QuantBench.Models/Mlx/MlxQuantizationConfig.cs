using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Mlx;

/// <summary>What <c>config.json</c> says under <c>quantization</c>: settings of all layers, and of some by the path of their
/// module.</summary>
internal sealed class MlxQuantizationConfig
{
    private readonly Dictionary<string, MlxQuantization?> _byModule;

    private MlxQuantizationConfig(MlxQuantization all, Dictionary<string, MlxQuantization?> byModule) =>
        (Default, _byModule) = (all, byModule);

    /// <summary>Settings of all layers that aren't listed.</summary>
    public MlxQuantization Default { get; }

    /// <summary>Reads the settings.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    /// <returns>Null when the model isn't one of MLX's quantized ones.</returns>
    /// <exception cref="ModelFormatException">The settings are broken, or of a mode that isn't read.</exception>
    public static MlxQuantizationConfig? Read(ModelJson config)
    {
        // Written twice by mlx-lm; quantization_config alone is what other libraries write.
        if (config.Find("quantization") is not { } json) return null;
        MlxQuantization all = Settings(json, 4, 64);
        var byModule = new Dictionary<string, MlxQuantization?>(StringComparer.Ordinal);
        foreach ((string name, ModelJson value) in json.Members())
        {
            if (value.IsObject)
            {
                bool isAffine = all.Mode == MlxMode.Affine;
                byModule.Add(name, Settings(value, isAffine ? all.Bits : 4, isAffine ? all.GroupSize : 64));
            }
            else if (value.IsBoolean)
            {
                byModule.Add(name, value.AsBoolean() ? all : null);
            }
            else if (name is not ("bits" or "group_size" or "mode" or "quant_method") && json.Find(name) is not null)
            {
                throw new UnsupportedException(json.File, $"the setting 'quantization.{name}' is not understood.",
                    "It may change what the weights mean. Remove it if you know that it doesn't.");
            }
        }

        return new MlxQuantizationConfig(all, byModule);
    }

    /// <summary>Settings of a module; null when its weights are floats.</summary>
    /// <param name="model">The tensors: without scales a module isn't quantized, unless it is listed by name.</param>
    /// <param name="module">Path of the module.</param>
    public MlxQuantization? Find(SafetensorsModel model, string module) =>
        _byModule.TryGetValue(module, out MlxQuantization? own) ? own : model.Tensors.ContainsKey($"{module}.scales") ? Default : null;

    /// <summary>Settings of one object; one without a mode is affine, whatever the others are.</summary>
    private static MlxQuantization Settings(ModelJson json, int bits, int groupSize)
    {
        string name = json.Find("mode")?.AsString() ?? "affine";
        MlxMode mode = MlxQuantization.FindMode(name) ?? throw new UnsupportedException(
            json.File, $"the quantization mode '{name}' is not read; 'affine', 'mxfp4', 'nvfp4' and 'mxfp8' are.",
            "Convert the model again with another --q-mode, or use its unquantized weights.");
        if (mode == MlxMode.Affine) return new MlxQuantization(Bits(json) ?? bits, GroupSize(json) ?? groupSize);
        var settings = new MlxQuantization(mode);
        if (json.Find("bits") is { } ownBits && ownBits.AsInt64() != settings.Bits)
            throw ownBits.Wrong($"{settings.Bits} in mode '{name}'");
        if (json.Find("group_size") is { } size && size.AsInt64() != settings.GroupSize)
            throw size.Wrong($"{settings.GroupSize} in mode '{name}'");
        return settings;
    }

    private static int? Bits(ModelJson json) =>
        json.Find("bits") is not { } bits ? null
            : MlxQuantization.IsBits(bits.AsInt64()) ? (int)bits.AsInt64() : throw bits.Wrong("2, 3, 4, 5, 6 or 8");

    private static int? GroupSize(ModelJson json) =>
        json.Find("group_size") is not { } size ? null
            : MlxQuantization.IsGroupSize(size.AsInt64()) ? (int)size.AsInt64() : throw size.Wrong("32, 64 or 128");
}
