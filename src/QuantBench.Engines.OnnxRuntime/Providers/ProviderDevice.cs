using QuantBench.Core.Errors;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Providers;

/// <summary>A device by which sessions can be made, or the reason why it isn't one here.</summary>
/// <param name="Id">Device id: <c>cpu</c>, <c>cuda:0</c>, <c>openvino</c>.</param>
/// <param name="Provider">ONNX Runtime's name of the provider.</param>
/// <param name="Description">What it is.</param>
/// <param name="Support">Whether a session can be made on it.</param>
/// <param name="Append">Adds it to session options; null when the build doesn't offer it.</param>
internal sealed record ProviderDevice(string Id, string Provider, string Description, Support Support, Action<OrtOptions>? Append)
{
    /// <summary>Whether it is ONNX Runtime's own CPU provider.</summary>
    public bool IsCpu => Provider == "CPUExecutionProvider";
}
