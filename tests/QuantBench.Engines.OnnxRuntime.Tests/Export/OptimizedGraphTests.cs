using Microsoft.ML.OnnxRuntime;
using QuantBench.Formats.Onnx;
using OrtSessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>What ONNX Runtime makes of exported graphs: a product that it doesn't fuse would be measured at a fraction of its
/// speed.</summary>
[Collection(ExportCollection.Name)]
public sealed class OptimizedGraphTests(ExportFixture fixture)
{
    private const int Layers = 6;

    [Fact]
    public void DynamicBytes_BecomeFusedProducts()
    {
        Dictionary<string, int> operators = Optimized("int8-dynamic");

        // Gate and up share their quantized input; the others have one each.
        Assert.Equal(3 * Layers, operators["DynamicQuantizeMatMul"]);
        Assert.Equal(2 * Layers, operators["MatMulIntegerToFloat"]);
        Assert.DoesNotContain("MatMulInteger", operators.Keys);
    }

    [Fact]
    public void StaticBytes_BecomeFusedProducts()
    {
        Dictionary<string, int> operators = Optimized("int8-static");

        Assert.Equal(5 * Layers, operators["MatMulIntegerToFloat"]);
        Assert.DoesNotContain("DequantizeLinear", operators.Keys);
        Assert.DoesNotContain("MatMul", operators.Keys);
    }

    [Theory]
    [InlineData("int4-b32")]
    [InlineData("int2-b32")]
    [InlineData("gguf-Q4_0")]
    public void Blocks_StayPackedProducts(string recipe)
    {
        Dictionary<string, int> operators = Optimized(recipe);

        Assert.Equal((5 * Layers) + 1, operators["MatMulNBits"]);
        Assert.Equal(Layers, operators["GroupQueryAttention"]);
        Assert.DoesNotContain("MatMul", operators.Keys);
    }

    [Fact]
    public void BFloat16_IsWidenedOnce()
    {
        Dictionary<string, int> operators = Optimized("bf16");

        // Of the embedding, a row at a time; the rest when the model is loaded.
        Assert.Equal(5 * Layers, operators["MatMul"]);
        Assert.InRange(operators["Cast"], 1, 3);
    }

    private Dictionary<string, int> Optimized(string recipe)
    {
        string path = fixture.ScratchFile($"optimized-{recipe}.onnx");
        using var options = new OrtSessionOptions
        {
            OptimizedModelFilePath = path,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR
        };
        using (var session = new InferenceSession(Path.Combine(fixture.Artifact($"onnx:{recipe}"), OnnxWriter.ModelFile), options))
        {
            Assert.NotEmpty(session.OutputMetadata);
        }

        // The optimized file names its data relative to the directory that the model came from.
        using OnnxModel model =
            OnnxModel.Read(File.ReadAllBytes(path), Path.Combine(fixture.Artifact($"onnx:{recipe}"), OnnxWriter.ModelFile));
        return model.Nodes.GroupBy(n => n.OpType).ToDictionary(g => g.Key, g => g.Count());
    }
}
