using QuantBench.Core.Variants;
using QuantBench.Engines.Managed;
using QuantBench.Engines.OnnxRuntime.Tests.Export;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Tests.Sessions;

/// <summary>Perplexity of ONNX variants against GGUF ones on the managed engine, whose own figures are tested against
/// llama.cpp's.</summary>
[Collection(ExportCollection.Name)]
public sealed class QualityTests(ExportFixture fixture)
{
    private const int Chunks = 6;
    private const int Length = 512;

    [Fact]
    public void Perplexity_OfFloats_IsTheGgufs()
    {
        double gguf = Gguf("gguf:F32", "avx2");

        Assert.InRange(Math.Abs(Onnx("onnx:fp32") / gguf - 1), 0, 1e-4);
        Assert.InRange(Math.Abs(Onnx("onnx:fp16") / gguf - 1), 0, 1e-3);
    }

    [Theory]
    [InlineData("onnx:gguf-Q4_0", "gguf:Q4_0")] // accuracy level 0
    [InlineData("onnx:gguf-Q8_0-a0", "gguf:Q8_0")]
    public void Perplexity_OfBlocksTakenOver_IsTheGgufs(string onnx, string gguf)
    {
        // The scalar kernels decode weights and don't round inputs, as accuracy level 0 doesn't.
        Assert.InRange(Math.Abs(Onnx(onnx, chunks: 2) / Gguf(gguf, "scalar", chunks: 2) - 1), 0, 1e-3);
    }

    [Fact]
    public void PerplexityRise_OfInt4_IsAtMostOneAndAHalfOfQ4()
    {
        double floats = Onnx("onnx:fp32");
        double rise = Onnx("onnx:int4-b32") - floats;
        double ggufRise = Gguf("gguf:Q4_0", "avx2") - floats;

        Assert.True(ggufRise > 0, $"Q4_0 changes the perplexity by {ggufRise}, so that there is no rise to compare with");
        Assert.InRange(rise / ggufRise, -1, 1.5);
    }

    private double Onnx(string variant, int chunks = Chunks)
    {
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact(variant));
        return OnnxModels.Perplexity(model, fixture.Tokens, chunks, Length);
    }

    private double Gguf(string variant, string device, int chunks = Chunks)
    {
        string path = fixture.Artifact(variant);
        using var engine = new ManagedEngine();
        var artifact = new Artifact(path, Variant.Parse(variant), new string('0', 64), new FileInfo(path).Length, 1, 1);
        using ILoadedModel model = engine.Load(artifact, device, new LoadOptions { Threads = 2 }, CancellationToken.None);
        return OnnxModels.Perplexity(model, fixture.Tokens, chunks, Length);
    }
}
