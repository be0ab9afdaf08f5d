using QuantBench.Core.Variants;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Conversion;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes <c>safetensors:F32</c>, <c>safetensors:F16</c> and <c>safetensors:BF16</c>.</summary>
public sealed class HuggingFaceSafetensorsBuilder()
    : HuggingFaceBuilder("hf-to-safetensors", "safetensors:F32, safetensors:F16 and safetensors:BF16", HuggingFaceToSafetensors.Version)
{
    private protected override Conversion? Find(Variant variant) => variant.Id switch
    {
        "safetensors:F32" => To(SafetensorsDType.F32),
        "safetensors:F16" => To(SafetensorsDType.F16),
        "safetensors:BF16" => To(SafetensorsDType.BF16),
        _ => null,
    };

    private static Conversion To(SafetensorsDType type) => new(
        new() { ["type"] = type.ToString() },
        (source, output, progress, cancellation) => HuggingFaceToSafetensors.Convert(source, output, type, progress, cancellation));
}
