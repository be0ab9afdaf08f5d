using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Core.Tests.Suites;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Tests.Variants;

/// <summary>Types of single tensors behind a scheme's name.</summary>
public sealed class TensorTypesTests
{
    [Theory]
    [InlineData("gguf:Q4_K_M{ffn_down=Q6_K,output=Q8_0}", "gguf:Q4_K_M{ffn_down=Q6_K,output=Q8_0}")]
    [InlineData("q4_k_m{ output = q8_0, ffn_down=q6_k }", "gguf:Q4_K_M{ffn_down=Q6_K,output=Q8_0}")] // one recipe, one id
    [InlineData("Q4_K_M{attn_v=Q8_0,blk.10.attn_v=F16}+imatrix", "gguf:Q4_K_M{blk.10.attn_v=F16,attn_v=Q8_0}+imatrix")]
    [InlineData("Q4_K_M{ffn_up=IQ2_XXS}+imatrix", "gguf:Q4_K_M{ffn_up=IQ2_XXS}+imatrix")]
    [InlineData("gguf:Q4_K_M", "gguf:Q4_K_M")] // plain ids stay what they were
    [InlineData("gguf:given", "gguf:given")]
    [InlineData("compressed-tensors:4bit-g128", "compressed-tensors:4bit-g128")]
    public void Parse_GivesOneIdPerRecipe(string text, string id)
    {
        Variant variant = Variant.Parse(text);

        Assert.Equal(id, variant.Id);
        Assert.Equal(variant, Variant.Parse(id));
        Assert.Equal(variant, JsonSerializer.Deserialize<Variant>(JsonSerializer.Serialize(variant)));
    }

    [Theory]
    [InlineData("gguf:Q4_K_M{ffn_dwon=Q6_K}", "'ffn_dwon' is no kind of tensor", "did you mean 'ffn_down'?")]
    [InlineData("gguf:Q4_K_M{ffn_down=Q6K}", "'Q6K' is no type of tensors", "did you mean 'Q6_K'?")]
    [InlineData("gguf:Q4_K_M{ffn_down=Q4_K_M}", "'Q4_K_M' is no type of tensors", "Q4_K")] // a mix
    [InlineData("gguf:Q4_K_M{ffn_down}", "'ffn_down' is no rule for a tensor's type", "TENSOR=TYPE")]
    [InlineData("gguf:Q4_K_M{}", "'' is no rule", "TENSOR=TYPE")]
    [InlineData("gguf:Q4_K_M{output=Q8_0,output=Q6_K}", "'output' has two types", "once")]
    [InlineData("gguf:Q4_K_M{output=Q8_0", "no closing brace", "{ffn_down=Q6_K")]
    [InlineData("gguf:Q4_K_M{blk.x.ffn_down=Q8_0}", "'blk.x.ffn_down' is no kind", "")]
    [InlineData("gguf:Q4_K_M{blk.1.output=Q8_0}", "'blk.1.output' is no kind", "")] // there is one for all layers
    [InlineData("gguf:Q4_K_M{ffn_up=IQ2_XXS}", "without an importance matrix", "+imatrix")]
    [InlineData("gguf:F16{output=Q8_0}", "can't have types of their own", "Q4_K_M{ffn_down=Q6_K}")]
    [InlineData("gguf:given{output=Q8_0}", "can't have types of their own", "")]
    [InlineData("onnx:int4-b32{output=Q8_0}", "can't have types of their own", "")]
    [InlineData("gguf:Q4_K_N{output=Q8_0}", "no variant that is known", "")]
    public void Parse_SaysWhatIsWrong_WithThePlace(string text, string problem, string hint)
    {
        Assert.False(Variant.TryParse(text, out _));

        SuiteException error = Assert.Throws<SuiteException>(() => SuiteLoaderTests.Small(
            "variants: [gguf:F32, gguf:Q4_K_M, \"gguf:IQ2_XS+imatrix\"]", $"variants: [gguf:F32, \"{text}\"]"));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains(hint, error.Hint, StringComparison.Ordinal);
        Assert.Equal(5, error.Line);
    }

    [Theory]
    [InlineData("ffn_down", "blk.3.ffn_down.weight", true)]
    [InlineData("blk.3.ffn_down", "blk.3.ffn_down.weight", true)]
    [InlineData("blk.3.ffn_down", "blk.13.ffn_down.weight", false)]
    [InlineData("output", "output.weight", true)]
    [InlineData("output", "blk.0.attn_output.weight", false)]
    [InlineData("output", "output_norm.weight", false)]
    [InlineData("ffn_down", "blk.3.ffn_down.bias", false)]
    public void Matches_WholeNames(string rule, string tensor, bool expected) =>
        Assert.Equal(expected, new TensorTypeRule(rule, "Q8_0").Matches(tensor));

    /// <summary>A file as its maker left it has the class of its bits.</summary>
    [Theory]
    [InlineData(1.8, PrecisionClass.UltraLow)]
    [InlineData(4.5, PrecisionClass.Low)]
    [InlineData(8.5, PrecisionClass.Medium)]
    [InlineData(16, PrecisionClass.Full)]
    public void ClassAt_OfAGivenFile_IsTheMeasuredOne(double bits, PrecisionClass expected) =>
        Assert.Equal(expected, Variant.Parse("gguf:given").Scheme.ClassAt(bits));
}
