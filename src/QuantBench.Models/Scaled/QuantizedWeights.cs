using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>A way that the matrices of a directory are quantized; a new one is a class beside this and a line in
/// <see cref="Read"/>.</summary>
internal abstract class QuantizedWeights
{
    private static readonly string[] s_ends =
    [
        "weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx", "weight_global_scale", "weight_scale_2",
        "weight_scale_inv", "input_scale", "input_global_scale", "input_zero_point", "output_scale", "k_scale", "v_scale",
        "weight.absmax", "weight.quant_map", "weight.nested_absmax", "weight.nested_quant_map", "weight.quant_state.bitsandbytes__nf4",
        "weight.quant_state.bitsandbytes__fp4",
    ];

    /// <summary>The variant that a directory of it is, e.g. <c>compressed-tensors:nvfp4</c>.</summary>
    public abstract string Variant { get; }

    /// <summary>What its configuration makes a server do that changes results and isn't done here; null = nothing.</summary>
    public virtual string? Note => null;

    /// <summary>How a directory's weights are quantized.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    /// <param name="directory">Where the model lies.</param>
    /// <returns>Null when it is by none of these ways.</returns>
    /// <exception cref="ModelFormatException">The settings are broken, or of a kind that isn't read.</exception>
    public static QuantizedWeights? Read(ModelJson config, string directory)
    {
        ModelJson? settings = config.Find("quantization_config") ?? config.Find("compression_config");
        string? method = settings is { IsObject: true } all && all.Find("quant_method") is { IsString: true } name ? name.AsString() : null;
        return (method, settings) switch
        {
            ("compressed-tensors", { } json) => new CompressedTensors(json),
            ("modelopt", { } json) => new ModelOptWeights(json),
            ("fp8" or "fbgemm_fp8", { } json) => new Fp8Weights(json, method),
            ("bitsandbytes", { } json) => new BnbWeights(json),
            (null, null) => ModelOptWeights.OfFile(directory),
            _ => null,
        };
    }

    /// <summary>The path of the module that a tensor belongs to, and the rest of its name; null when it is none of a quantized
    /// matrix.</summary>
    public static (string Module, string Suffix)? Split(string tensor)
    {
        foreach (string end in s_ends)
        {
            if (tensor.Length > end.Length + 1 && tensor.EndsWith(end, StringComparison.Ordinal) && tensor[^(end.Length + 1)] == '.')
                return (tensor[..^(end.Length + 1)], end);
        }

        return null;
    }

    /// <summary>The matrix of a module.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Path of the module.</param>
    /// <returns>Null when its weights are floats.</returns>
    /// <exception cref="ModelFormatException">Its tensors don't fit each other or the configuration.</exception>
    public abstract IWeightMatrix? Open(SafetensorsModel model, string directory, string module);

    /// <summary>Refuses settings that nobody here knows: they may change what the weights mean.</summary>
    /// <exception cref="UnsupportedException">There is one.</exception>
    protected static void CheckKeys(ModelJson json, params ReadOnlySpan<string> known)
    {
        foreach ((string name, _) in json.Members())
        {
            if (json.Find(name) is not null && !known.Contains(name))
            {
                throw new UnsupportedException(json.File, $"the setting '{name}' of the quantization is not understood.",
                    "It may change what the weights mean. Remove it if you know that it doesn't.");
            }
        }
    }

    /// <summary>Bytes of the tensors of a module, except those that describe its inputs and outputs.</summary>
    protected static long Bytes(SafetensorsModel model, string module, params ReadOnlySpan<string> suffixes)
    {
        long bytes = 0;
        foreach (string suffix in suffixes)
        {
            if (model.Tensors.TryGetValue($"{module}.{suffix}", out SafetensorsTensorInfo? tensor)) bytes += tensor.ByteSize;
        }

        return bytes;
    }

    /// <summary>What activations that a server rounds mean for figures here.</summary>
    protected static string Rounded(string what) =>
        $"the model's configuration also rounds {what} as it runs; here they stay floats, so only its weights are measured";
}
