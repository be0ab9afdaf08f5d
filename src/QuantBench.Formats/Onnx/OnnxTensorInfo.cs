using System.Collections.Immutable;

namespace QuantBench.Formats.Onnx;

/// <summary>Where one constant tensor lies and how it is stored.</summary>
/// <param name="Name">Name, unique in the graph.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes, the contiguous dimension last; empty = a scalar.</param>
/// <param name="ByteSize">Bytes.</param>
/// <param name="Location">File of external data, relative to the model's directory; null = in the model file.</param>
/// <param name="Offset">First byte in the file of external data; 0 for others.</param>
public sealed record OnnxTensorInfo(string Name, OnnxDataType Type, ImmutableArray<long> Shape, long ByteSize, string? Location,
    long Offset)
{
    /// <summary>Number of elements; 1 for a scalar.</summary>
    public long ElementCount => Shape.Aggregate(1L, (count, size) => count * size);
}
