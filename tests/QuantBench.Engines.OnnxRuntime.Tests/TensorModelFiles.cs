using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Tests;

/// <summary>Small models that aren't language models.</summary>
internal static class TensorModelFiles
{
    /// <summary>Writes y[batch, columns] = x[batch, rows] · w.</summary>
    public static void WriteProduct(string directory, long[] shape, float[] weights)
    {
        var graph = new OnnxGraph
        {
            Opsets = ImmutableSortedDictionary<string, long>.Empty.Add("", 17),
            Name = "product",
            Producer = "test",
            ProducerVersion = "1",
            Inputs = [new OnnxValue("x", OnnxDataType.Float, ["batch", shape[0]])],
            Outputs = [new OnnxValue("y", OnnxDataType.Float, ["batch", shape[1]])],
            Nodes = [new OnnxNode("MatMul", "", "product", ["x", "w"], ["y"], [])],
            Tensors = [new OnnxTensorSpec("w", OnnxDataType.Float, [.. shape])],
        };
        using var writer = new OnnxWriter(directory, graph);
        writer.Append("w", MemoryMarshal.AsBytes(weights.AsSpan()));
        writer.Complete();
    }
}
