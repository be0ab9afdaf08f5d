using System.Collections.Immutable;
using System.Globalization;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Providers;

/// <summary>An execution provider that a build of ONNX Runtime may have compiled in.</summary>
/// <param name="Id">Device id, without index.</param>
/// <param name="Name">ONNX Runtime's name, e.g. <c>CUDAExecutionProvider</c>.</param>
/// <param name="Description">What it runs on.</param>
/// <param name="Indexed">Whether device ids carry an index: <c>cuda:0</c>.</param>
/// <param name="Append">Adds it to session options, for the device of an index.</param>
/// <param name="Source">Where a build with it comes from.</param>
internal sealed record ExecutionProvider(string Id, string Name, string Description, bool Indexed, Action<OrtOptions, int> Append,
    string Source)
{
    /// <summary>Every provider that can be a device. To add one: one line here.</summary>
    public static ImmutableArray<ExecutionProvider> All { get; } =
    [
        new("cpu", "CPUExecutionProvider", "CPU, ONNX Runtime's own kernels", false, (_, _) => { }, "every build"),
        new("cuda", "CUDAExecutionProvider", "NVIDIA GPU by CUDA", true, (o, i) => o.AppendExecutionProvider_CUDA(i),
            "a GPU build with its CUDA and cuDNN libraries"),
        new("tensorrt", "TensorrtExecutionProvider", "NVIDIA GPU by TensorRT", true, (o, i) => o.AppendExecutionProvider_Tensorrt(i),
            "a GPU build with TensorRT's libraries"),
        new("dml", "DmlExecutionProvider", "GPU by DirectML", true, (o, i) => o.AppendExecutionProvider_DML(i),
            "a DirectML build on Windows"),
        new("openvino", "OpenVINOExecutionProvider", "Intel CPU, GPU or NPU by OpenVINO", false,
            (o, _) => o.AppendExecutionProvider("OpenVINO"), "an OpenVINO build"),
        new("coreml", "CoreMLExecutionProvider", "Apple GPU or Neural Engine by Core ML", false,
            (o, _) => o.AppendExecutionProvider("CoreML"), "a macOS build"),
        new("qnn", "QNNExecutionProvider", "Qualcomm NPU by QNN", false, (o, _) => o.AppendExecutionProvider("QNN"), "a QNN build"),
        new("xnnpack", "XnnpackExecutionProvider", "CPU by XNNPACK", false, (o, _) => o.AppendExecutionProvider("XNNPACK"),
            "a build with XNNPACK"),
        new("webgpu", "WebGpuExecutionProvider", "GPU by WebGPU", false, (o, _) => o.AppendExecutionProvider("WebGPU"),
            "a build with WebGPU"),
    ];

    /// <summary>Splits a device id into the provider's part and the index.</summary>
    /// <param name="device">E.g. <c>cuda:1</c> or <c>cpu</c>.</param>
    /// <returns>The index is 0 when the id has none, −1 when it isn't a number.</returns>
    public static (string Id, int Index) Split(string device)
    {
        int colon = device.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return (device, 0);
        return (device[..colon],
            int.TryParse(device.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index : -1);
    }
}
