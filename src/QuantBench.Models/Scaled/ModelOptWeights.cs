using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>
/// Weights as NVIDIA's TensorRT Model Optimizer stores them: NVFP4 (<c>weight</c> of two floats per byte, <c>weight_scale</c> of E4M3 per
/// 16 of a row, <c>weight_scale_2</c> for all) and FP8 (<c>weight</c> of E4M3, one <c>weight_scale</c>).
/// </summary>
internal sealed class ModelOptWeights : QuantizedWeights
{
    private const string SeparateFile = "hf_quant_config.json";

    /// <param name="json">The quantization's settings, in <c>config.json</c> or in a file of their own.</param>
    /// <exception cref="UnsupportedException">They are of a kind that isn't read.</exception>
    public ModelOptWeights(ModelJson json)
    {
        CheckKeys(json, "quant_method", "quant_algo", "producer", "config_groups", "ignore", "kv_cache_scheme", "kv_cache_quant_algo",
            "group_size", "exclude_modules");
        string algorithm = json.Get("quant_algo").AsString();
        Variant = algorithm switch
        {
            "NVFP4" or "W4A16_NVFP4" => "modelopt:nvfp4",
            "FP8" => "modelopt:fp8",
            _ => throw new UnsupportedException(json.File, $"ModelOpt's '{algorithm}' ('quant_algo') is not read; 'NVFP4' and 'FP8' are."),
        };
        if (json.Find("group_size") is { } size && algorithm != "FP8" && size.AsInt64() != 16) throw size.Wrong("16");
        Note = algorithm == "W4A16_NVFP4" ? null : Rounded("activations");
    }

    /// <inheritdoc/>
    public override string Variant { get; }

    /// <inheritdoc/>
    public override string? Note { get; }

    /// <summary>What the file beside a <c>config.json</c> without a word about quantization says; null when there is none.</summary>
    public static ModelOptWeights? OfFile(string directory)
    {
        string path = Path.Combine(directory, SeparateFile);
        return File.Exists(path) ? new ModelOptWeights(ModelJson.ReadFile(path).Get("quantization")) : null;
    }

    /// <inheritdoc/>
    public override IWeightMatrix? Open(SafetensorsModel model, string directory, string module)
    {
        string scales = $"{module}.weight_scale";
        if (!model.Tensors.ContainsKey(scales)) return null;
        long bytes = Bytes(model, module, "weight", "weight_scale", "weight_scale_2");
        (SafetensorsTensorInfo weight, int rows, int columns) =
            MatrixShape.Require(model, directory, $"{module}.weight", SafetensorsDType.U8, SafetensorsDType.F8_E4M3);
        if (weight.DType == SafetensorsDType.F8_E4M3)
        {
            return new ScaledMatrix(model, weight, ElementCode.E4M3, columns,
                ScaleGrid.Open(model, directory, scales, rows, columns, (0, 0)), bytes);
        }

        float factor = ScaleGrid.Single(model, directory, $"{module}.weight_scale_2");
        return new ScaledMatrix(model, weight, ElementCode.E2M1, 2 * columns,
            ScaleGrid.Open(model, directory, scales, rows, 2 * columns, (1, 16), factor), bytes);
    }
}
