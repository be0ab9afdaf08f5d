using System.Collections.Immutable;

namespace QuantBench.Formats.Gguf;

/// <summary>Everything in front of a GGUF file's tensor data.</summary>
/// <param name="Version">2 or 3.</param>
/// <param name="Metadata">Keys and values, in file order.</param>
/// <param name="Tensors">Tensors, in file order.</param>
/// <param name="Alignment">Alignment of tensor data, in bytes.</param>
/// <param name="DataOffset">Where tensor data starts, in bytes from the start of the file.</param>
public sealed record GgufHeader(uint Version, GgufMetadata Metadata, ImmutableArray<GgufTensorInfo> Tensors, uint Alignment,
    long DataOffset);
