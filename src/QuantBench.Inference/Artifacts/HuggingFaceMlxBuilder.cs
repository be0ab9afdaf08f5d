using System.Globalization;
using QuantBench.Core.Variants;
using QuantBench.Models.Mlx;

namespace QuantBench.Inference.Artifacts;

/// <summary>Makes the <c>mlx:</c> variants, in the layout of <c>mlx_lm.convert -q</c>.</summary>
public sealed class HuggingFaceMlxBuilder() : HuggingFaceBuilder("hf-to-mlx", "mlx variants", HuggingFaceToMlx.Version)
{
    private protected override Conversion? Find(Variant variant)
    {
        if (variant is not { Format: "mlx", ImportanceMatrix: false, Scheme: { } scheme }) return null;
        if (scheme.GroupSize == 0)
        {
            var floats = new MlxQuantization(Enum.Parse<MlxMode>(scheme.Name, ignoreCase: true));
            return new Conversion(
                new() { ["mode"] = scheme.Name },
                (source, output, progress, cancellation) => HuggingFaceToMlx.Convert(source, output, floats, progress, cancellation));
        }

        var settings = new MlxQuantization(scheme.NominalBits, scheme.GroupSize);
        return new Conversion(
            new()
            {
                ["bits"] = settings.Bits.ToString(CultureInfo.InvariantCulture),
                ["group_size"] = settings.GroupSize.ToString(CultureInfo.InvariantCulture),
            },
            (source, output, progress, cancellation) => HuggingFaceToMlx.Convert(source, output, settings, progress, cancellation));
    }
}
