using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>Weights as bitsandbytes stores them in 4 bits.</summary>
internal sealed class BnbWeights : QuantizedWeights
{
    /// <param name="json">The quantization's settings.</param>
    /// <exception cref="ModelFormatException">They are broken, or of a kind that isn't read.</exception>
    public BnbWeights(ModelJson json)
    {
        if (json.Find("load_in_4bit")?.AsBoolean() != true)
        {
            throw new UnsupportedException(json.File,
                "bitsandbytes' weights of 8 bits ('load_in_8bit') are not read; those of 4 bits are.");
        }

        string type = json.Find("bnb_4bit_quant_type")?.AsString() ?? "fp4";
        if (type is not ("nf4" or "fp4"))
        {
            throw new UnsupportedException(json.File,
                $"bitsandbytes' type '{type}' ('bnb_4bit_quant_type') is not read; 'nf4' and 'fp4' are.");
        }

        Variant = $"bnb:{type}{(json.Find("bnb_4bit_use_double_quant")?.AsBoolean() == true ? "-double" : "")}";
    }

    /// <inheritdoc/>
    public override string Variant { get; }

    /// <inheritdoc/>
    public override IWeightMatrix? Open(SafetensorsModel model, string directory, string module) =>
        model.Tensors.ContainsKey($"{module}.weight.absmax") ? BnbMatrix.Open(model, directory, module) : null;
}
