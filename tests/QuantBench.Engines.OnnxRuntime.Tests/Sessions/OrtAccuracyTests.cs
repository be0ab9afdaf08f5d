using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using QuantBench.Core.Settings;
using QuantBench.Formats.Onnx;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;
using OrtSessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace QuantBench.Engines.OnnxRuntime.Tests.Sessions;

/// <summary>Products of dequantized weights, which ONNX Runtime fuses by itself and then computes with activations of 8 bits.</summary>
public sealed class OrtAccuracyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(OnnxDataType.Int8, 0)]
    [InlineData(OnnxDataType.Int8, 1)]
    [InlineData(OnnxDataType.Int8, 32)]
    [InlineData(OnnxDataType.UInt8, 1)]
    [InlineData(OnnxDataType.UInt8, 32)]
    [InlineData(OnnxDataType.Int4, 1)]
    [InlineData(OnnxDataType.Int4, 32)]
    [InlineData(OnnxDataType.UInt4, 32)]
    public void Facts_SayWhatRan_InEveryFormThatIsFused(OnnxDataType type, int block)
    {
        TensorModelFiles.WriteDequantizedProduct(_directory.Path, type, block);

        Assert.Equal(("MatMulNBits", 4L), Optimized(GraphOptimizationLevel.ORT_ENABLE_ALL));
        using ITensorModel model = Load(CellSettings.Empty);
        var report = (IEngineReport)model;
        Assert.Equal(("int8", "1"), (report.Facts["ort_accuracy"], report.Facts["ort_fused_products"]));
        Assert.Contains("rounds their activations to 8 bits", Assert.Single(report.Finish()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OnnxDataType.Int8, 1)]
    [InlineData(OnnxDataType.Int4, 32)]
    public void Setting_Chooses_WhatActivationsAreRoundedTo(OnnxDataType type, int block)
    {
        TensorModelFiles.WriteDequantizedProduct(_directory.Path, type, block);
        CellSettings unfused = CellSettings.Empty.With("ort_optimization", "basic");
        float[] exact = Run(unfused);

        Assert.InRange(Distance(exact, Run(CellSettings.Empty)), 1e-4, 0.05); // 8-bit activations
        Assert.InRange(Distance(exact, Run(CellSettings.Empty.With("ort_accuracy", "int8"))), 1e-4, 0.05);
        Assert.InRange(Distance(exact, Run(CellSettings.Empty.With("ort_accuracy", "fp32"))), 0, 1e-5);
        Assert.Equal("DequantizeLinear", Optimized(GraphOptimizationLevel.ORT_ENABLE_BASIC).Operator);
        Assert.False(Facts(unfused).ContainsKey("ort_accuracy"));
        Assert.Equal("fp32", Facts(CellSettings.Empty.With("ort_accuracy", "fp32"))["ort_accuracy"]);
        Assert.Equal("fp32", Facts(CellSettings.Empty.With("ort_config", "session.qdq_matmulnbits_accuracy_level=1"))["ort_accuracy"]);
    }

    [Fact]
    public void Facts_SayNothing_WhereNothingIsFused()
    {
        TensorModelFiles.WriteProduct(_directory.Path, [2, 3], [1, 2, 3, 4, 5, 6]);

        Assert.False(Facts(CellSettings.Empty).ContainsKey("ort_accuracy"));
    }

    private ITensorModel Load(CellSettings settings)
    {
        using OnnxRuntimeEngine engine = OnnxModels.Engine();
        return engine.LoadTensors(OnnxModels.Artifact(_directory.Path), "cpu", new LoadOptions { Threads = 1, Settings = settings },
            CancellationToken.None);
    }

    private ImmutableSortedDictionary<string, string> Facts(CellSettings settings)
    {
        using ITensorModel model = Load(settings);
        return ((IEngineReport)model).Facts;
    }

    private float[] Run(CellSettings settings)
    {
        using ITensorModel model = Load(settings);
        var random = new Random(2);
        float[] x = [.. Enumerable.Range(0, 4 * 64).Select(_ => (random.NextSingle() * 2) - 1)];
        model.SetInput("x", new TensorValue("float32", [4, 64], MemoryMarshal.AsBytes(x.AsSpan()).ToArray()));
        model.Run(CancellationToken.None);
        return model.Outputs()[0].Values.ToArray();
    }

    private static double Distance(float[] a, float[] b) =>
        Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - y, 2)).Sum() / a.Sum(x => Math.Pow(x, 2)));

    private (string Operator, long Accuracy) Optimized(GraphOptimizationLevel level)
    {
        string path = _directory.Combine("optimized.onnx");
        using var options = new OrtSessionOptions
        {
            OptimizedModelFilePath = path,
            GraphOptimizationLevel = level,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        using (var session = new InferenceSession(_directory.Combine(OnnxWriter.ModelFile), options)) Assert.Single(session.OutputMetadata);
        using OnnxModel model = OnnxModel.Read(File.ReadAllBytes(path), _directory.Combine(OnnxWriter.ModelFile));
        return (model.Nodes[0].OpType, model.Nodes[0].Int("accuracy_level", 0));
    }
}
