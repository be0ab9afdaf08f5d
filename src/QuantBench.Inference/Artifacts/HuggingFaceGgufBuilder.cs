using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes <c>gguf:F32</c>, <c>gguf:F16</c> and <c>gguf:BF16</c>.</summary>
public sealed class HuggingFaceGgufBuilder()
    : HuggingFaceBuilder("hf-to-gguf", "gguf:F32, gguf:F16 and gguf:BF16", HuggingFaceToGguf.Version)
{
    private protected override Conversion? Find(Variant variant) => variant.Id switch
    {
        "gguf:F32" => To(GgmlType.F32),
        "gguf:F16" => To(GgmlType.F16),
        "gguf:BF16" => To(GgmlType.BF16),
        _ => null,
    };

    private static Conversion To(GgmlType type) => new(
        new() { ["type"] = type.ToString() },
        (source, output, progress, cancellation) => HuggingFaceToGguf.Convert(source, output, type, progress, cancellation));
}
