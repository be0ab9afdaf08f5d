using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Models.Synthesis;

/// <summary>How models say that their weights are random, format by format. Conversions carry the mark on.</summary>
public static class SyntheticMark
{
    /// <summary>Metadata key of GGUF files (true) and ONNX models (<c>true</c>).</summary>
    public const string Key = "quantbench.synthetic";

    /// <summary>Key in <c>config.json</c> (true), whose keys have no dots.</summary>
    public const string ConfigKey = "quantbench_synthetic";

    /// <summary>Whether a model's weights are random.</summary>
    /// <param name="format">Format id, e.g. <c>gguf</c>.</param>
    /// <param name="path">Its file or directory.</param>
    /// <exception cref="QuantBench.Core.Errors.QuantBenchException">It can't be opened or is broken.</exception>
    public static bool IsOn(string format, string path)
    {
        switch (format)
        {
            case "gguf":
                using (GgufReader file = GgufReader.Open(path)) return IsOn(file.Metadata);
            case "onnx":
                using (OnnxModel model = OnnxModel.Open(path)) return model.Metadata.TryGetValue(Key, out string? value) && value == "true";
            default:
                string config = Path.Combine(path, "config.json");
                return File.Exists(config) && IsOn(ModelJson.ReadFile(config));
        }
    }

    /// <summary>Whether a GGUF file's weights are random.</summary>
    internal static bool IsOn(GgufMetadata metadata) => metadata.FindBoolean(Key) == true;

    /// <summary>Whether a directory's weights are random.</summary>
    /// <param name="config">Its <c>config.json</c>.</param>
    internal static bool IsOn(ModelJson config) => config.Find(ConfigKey) is { IsBoolean: true } mark && mark.AsBoolean();
}
