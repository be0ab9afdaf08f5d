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
        CheckMode(json);
        var all = new MlxQuantization(Bits(json) ?? 4, GroupSize(json) ?? 64);
        var byModule = new Dictionary<string, MlxQuantization?>(StringComparer.Ordinal);
        foreach ((string name, ModelJson value) in json.Members())
        {
            if (value.IsObject)
            {
                CheckMode(value);
                byModule.Add(name, new MlxQuantization(Bits(value) ?? all.Bits, GroupSize(value) ?? all.GroupSize));
            }
            else if (value.IsBoolean)
            {
                byModule.Add(name, value.AsBoolean() ? all : null);
            }
        }

        return new MlxQuantizationConfig(all, byModule);
    }

    /// <summary>Settings of a module; null when its weights are floats.</summary>
    /// <param name="model">The tensors: without scales a module isn't quantized, unless it is listed by name.</param>
    /// <param name="module">Path of the module.</param>
    public MlxQuantization? Find(SafetensorsModel model, string module) =>
        _byModule.TryGetValue(module, out MlxQuantization? own) ? own : model.Tensors.ContainsKey($"{module}.scales") ? Default : null;

    private static void CheckMode(ModelJson json)
    {
        if (json.Find("mode") is not { } mode || mode.AsString() == "affine") return;
        throw new UnsupportedException(
            json.File, $"the quantization mode '{mode.AsString()}' is not read; 'affine' is.",
            "Convert the model again without --q-mode, or use its unquantized weights.");
    }

    private static int? Bits(ModelJson json) =>
        json.Find("bits") is not { } bits ? null
            : MlxQuantization.IsBits(bits.AsInt64()) ? (int)bits.AsInt64() : throw bits.Wrong("2, 3, 4, 5, 6 or 8");

    private static int? GroupSize(ModelJson json) =>
        json.Find("group_size") is not { } size ? null
            : MlxQuantization.IsGroupSize(size.AsInt64()) ? (int)size.AsInt64() : throw size.Wrong("32, 64 or 128");
}
