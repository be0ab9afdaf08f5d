using QuantBench.Core.Variants;
using QuantBench.Models.Scaled;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes <c>compressed-tensors:nvfp4</c>, and GPTQ's and AWQ's layouts with weights rounded to the nearest.</summary>
public sealed class HuggingFacePackedBuilder()
    : HuggingFaceBuilder("hf-to-packed", "compressed-tensors:nvfp4, gptq:4bit-g128-rtn and awq:4bit-g128-rtn", HuggingFaceToPacked.Version)
{
    private protected override Conversion? Find(Variant variant) => !HuggingFaceToPacked.Makes(variant.Id) ? null : new Conversion(
        new() { ["layout"] = variant.Id },
        (source, output, progress, cancellation) => HuggingFaceToPacked.Convert(source, output, variant.Id, progress, cancellation));
}
