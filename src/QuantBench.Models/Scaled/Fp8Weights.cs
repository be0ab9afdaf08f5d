using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>
/// Weights of 8-bit floats as transformers' <c>fp8</c> and <c>fbgemm_fp8</c> store them: <c>weight</c> with <c>weight_scale_inv</c> per
/// block, as in DeepSeek's releases, or <c>weight_scale</c> per matrix or row. Both are multiplied by, whatever their name says.
/// </summary>
internal sealed class Fp8Weights : QuantizedWeights
{
    private readonly (int Rows, int Columns) _block;

    /// <param name="json">The quantization's settings.</param>
    /// <param name="method"><c>fp8</c> or <c>fbgemm_fp8</c>.</param>
    /// <exception cref="ModelFormatException">They are broken, or of a kind that isn't read.</exception>
    public Fp8Weights(ModelJson json, string method)
    {
        CheckKeys(json, "quant_method", "activation_scheme", "fmt", "weight_block_size", "ignored_layers", "modules_to_not_convert",
            "scale_fmt", "activation_scale_ub", "dequantize");
        if (json.Find("fmt")?.AsString() is { } format && format is not ("e4m3" or "float8_e4m3fn"))
            throw new UnsupportedException(json.File, $"8-bit floats of the format '{format}' ('fmt') are not read; 'e4m3' is.");
        if (json.Find("weight_block_size") is { } block)
        {
            if (block.Count != 2) throw block.Wrong("two numbers above 0");
            _block = (block[0].AsInt32(1, int.MaxValue), block[1].AsInt32(1, int.MaxValue));
        }

        Variant = _block.Rows > 0 ? "fp8:block" : method == "fp8" ? "fp8:tensor" : "fp8:channel";
    }

    /// <inheritdoc/>
    public override string Variant { get; }

    /// <inheritdoc/>
    public override string? Note => Rounded("activations");

    /// <inheritdoc/>
    public override IWeightMatrix? Open(SafetensorsModel model, string directory, string module)
    {
        string inverse = $"{module}.weight_scale_inv";
        bool isInverse = model.Tensors.ContainsKey(inverse);
        string scales = isInverse ? inverse : $"{module}.weight_scale";
        if (!model.Tensors.ContainsKey(scales)) return null;
        (SafetensorsTensorInfo weight, int rows, int columns) =
            MatrixShape.Require(model, directory, $"{module}.weight", SafetensorsDType.F8_E4M3, SafetensorsDType.F8_E5M2);
        ElementCode code = weight.DType == SafetensorsDType.F8_E4M3 ? ElementCode.E4M3 : ElementCode.E5M2;
        var grid = ScaleGrid.Open(model, directory, scales, rows, columns, isInverse ? _block : (0, 0));
        return new ScaledMatrix(model, weight, code, columns, grid, Bytes(model, module, "weight", "weight_scale", "weight_scale_inv"));
    }
}
