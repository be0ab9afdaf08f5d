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

    /// <summary>Writes y[batch, 96] = x[batch, 64] · dequantized w, the weights as DequantizeLinear takes them.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="type">Type of the weights, of 4 or 8 bits.</param>
    /// <param name="block">Rows that share a scale: 0 = one for all weights, 1 = one per column, more = blocks of so many.</param>
    public static void WriteDequantizedProduct(string directory, OnnxDataType type, int block)
    {
        const int rows = 64;
        const int columns = 96;
        long[] scaleShape = block switch { 0 => [], 1 => [columns], _ => [rows / block, columns] };
        int scales = (int)scaleShape.Aggregate(1L, (a, b) => a * b);
        var random = new Random(1);
        byte[] weights = new byte[rows * columns * OnnxDataTypes.Bits(type) / 8];
        random.NextBytes(weights);
        float[] scale = [.. Enumerable.Range(0, scales).Select(_ => 0.01f + (random.NextSingle() * 0.01f))];
        ImmutableArray<OnnxAttribute> attributes = block switch
        {
            0 => [],
            1 => [new OnnxAttribute.Int("axis", 1)],
            _ => [new OnnxAttribute.Int("axis", 0), new OnnxAttribute.Int("block_size", block)],
        };
        var graph = new OnnxGraph
        {
            Opsets = ImmutableSortedDictionary<string, long>.Empty.Add("", 21),
            Name = "dequantized",
            Producer = "test",
            ProducerVersion = "1",
            Inputs = [new OnnxValue("x", OnnxDataType.Float, ["batch", (long)rows])],
            Outputs = [new OnnxValue("y", OnnxDataType.Float, ["batch", (long)columns])],
            Nodes =
            [
                new OnnxNode("DequantizeLinear", "", "dequantize", ["w", "s"], ["wf"], attributes),
                new OnnxNode("MatMul", "", "product", ["x", "wf"], ["y"], []),
            ],
            Tensors = [new OnnxTensorSpec("w", type, [rows, columns], weights), new OnnxTensorSpec("s", OnnxDataType.Float, [.. scaleShape],
                MemoryMarshal.AsBytes(scale.AsSpan()).ToArray())],
        };
        using var writer = new OnnxWriter(directory, graph);
        writer.Complete();
    }
}
