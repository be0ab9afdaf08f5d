using System.Collections.Immutable;

namespace QuantBench.Formats.Onnx;

/// <summary>A constant tensor to be written.</summary>
/// <param name="Name">Name, unique in the graph.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes, the contiguous dimension last; empty = a scalar.</param>
/// <param name="Inline">Its bytes, when they stand in the model file itself; null = they are appended to the file of external data.</param>
public sealed record OnnxTensorSpec(string Name, OnnxDataType Type, ImmutableArray<long> Shape, byte[]? Inline = null)
{
    /// <summary>Number of elements; 1 for a scalar.</summary>
    public long ElementCount => Shape.Aggregate(1L, (count, size) => checked(count * size));

    /// <summary>Bytes of the tensor.</summary>
    public long ByteSize => OnnxDataTypes.ByteSize(Type, ElementCount);
}
