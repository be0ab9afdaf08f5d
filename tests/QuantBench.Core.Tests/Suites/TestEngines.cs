using QuantBench.Core.Engines;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Tests.Suites;

/// <summary>A catalogue with what suites of this repository name.</summary>
internal static class TestEngines
{
    public static EngineCatalog Catalog { get; } = new(
    [
        new EngineFacts("llamacpp", "", "cpu")
        {
            Formats = ["gguf"],
            Check = s => s.Text("flash_attention") == "off" && s.Text("kv_type") == "q8_0"
                ? ("kv_type q8_0 needs flash attention, which is off", "set flash_attention: auto") : null,
        },
        new EngineFacts("managed", "", "avx2") { Formats = ["gguf", "safetensors", "mlx", "gptq", "awq", "compressed-tensors"] },
        new EngineFacts("remote", "", "openai@http://localhost:8080") { IsRemote = true },
        new EngineFacts("onnxruntime", "", "cpu")
        {
            Formats = ["onnx"],
            Settings =
            [
                new SettingDefinition("ort_optimization", SettingKind.Text, "all", "its optimisation", Choices: ["none", "all"]),
                new SettingDefinition("ort_arena", SettingKind.Flag, true, "its arena"),
                new SettingDefinition("ort_profile", SettingKind.Flag, false, "its profile"),
            ],
        },
    ]);
}
