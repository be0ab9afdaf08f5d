using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Engines.OnnxRuntime.Tests.Export;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Tests.Sessions;

[Collection(ExportCollection.Name)]
public sealed class OrtSettingsTests(ExportFixture fixture)
{
    [Fact]
    public void Facts_TellWhatWasInEffect()
    {
        CellSettings settings = CellSettings.Empty.With("ort_arena", false).With("ort_optimization", "basic")
            .With("ort_config", "session.disable_prepacking=1; session.set_denormal_as_zero=1");
        using ILoadedModel model = OnnxModels.Load(fixture.Artifact("onnx:fp32"), settings);

        var facts = ((IEngineReport)model).Facts;

        Assert.Equal("off", facts["ort_arena"]);
        Assert.Equal("no account without the arena", facts["ort_allocator_loaded_bytes"]);
        Assert.Equal("basic", facts["ort_optimization"]);
        Assert.Equal("off", facts["ort_spinning"]);
        Assert.Equal("session.disable_prepacking=1;session.set_denormal_as_zero=1", facts["ort_config"]);
    }

    [Theory]
    [InlineData("session.disable_prepacking")]
    [InlineData("=1")]
    [InlineData("a=1;b=")]
    public void Config_ThatIsNotKeyAndValue_IsOneError(string text)
    {
        RequestException error =
            Assert.Throws<RequestException>(() =>
                OnnxModels.Load(fixture.Artifact("onnx:fp32"), CellSettings.Empty.With("ort_config", text)));

        Assert.Contains("key=value", error.Message, StringComparison.Ordinal);
    }
}
