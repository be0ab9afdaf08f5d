using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Onnx.Proto;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Onnx;

/// <summary>A small model on disk: y = (x · w) + b with w external and b inline, and the same as a message to spoil.</summary>
internal static class TinyOnnx
{
    public static readonly float[] Weights = [1, 2, 3, 4, 5, 6];

    public static OnnxGraph Graph { get; } = new()
    {
        Opsets = ImmutableSortedDictionary<string, long>.Empty.Add("", 17),
        Name = "tiny",
        Producer = "test",
        ProducerVersion = "1",
        Inputs = [new OnnxValue("x", OnnxDataType.Float, ["batch", 2L])],
        Outputs = [new OnnxValue("y", OnnxDataType.Float, ["batch", 3L])],
        Nodes =
        [
            new OnnxNode("MatMul", "", "product", ["x", "w"], ["xw"], []),
            new OnnxNode("Add", "", "sum", ["xw", "b"], ["y"], []),
        ],
        Tensors =
        [
            new OnnxTensorSpec("w", OnnxDataType.Float, [2, 3]),
            new OnnxTensorSpec("b", OnnxDataType.Float, [3], new byte[12]),
        ],
        Metadata = ImmutableSortedDictionary<string, string>.Empty.Add("key", "value"),
    };

    /// <summary>Writes the model.</summary>
    /// <returns>Path of the model file.</returns>
    public static string Write(TemporaryDirectory directory)
    {
        using (var writer = new OnnxWriter(directory.Path, Graph))
        {
            // In two pieces: tensors are filled as their bytes come.
            writer.Append("w", MemoryMarshal.AsBytes<float>(Weights.AsSpan(0, 2)));
            writer.Append("w", MemoryMarshal.AsBytes<float>(Weights.AsSpan(2)));
            writer.Complete();
        }

        return directory.Combine(OnnxWriter.ModelFile);
    }

    /// <summary>The model's message, to be changed.</summary>
    public static ModelProto Message(string path) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
}
