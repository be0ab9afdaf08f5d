using System.Collections.Immutable;

namespace QuantBench.Formats.Onnx;

/// <summary>All of a model but the bytes of its large tensors.</summary>
public sealed record OnnxGraph
{
    /// <summary>Version of the file format; 10 knows 4-bit integers, 12 knows 2-bit ones.</summary>
    public int IrVersion { get; init; } = 10;

    /// <summary>Versions of the operator sets by domain; the empty domain is ONNX's own.</summary>
    public required ImmutableSortedDictionary<string, long> Opsets { get; init; }

    /// <summary>The graph's name.</summary>
    public required string Name { get; init; }

    /// <summary>What wrote the model.</summary>
    public required string Producer { get; init; }

    /// <summary>Version of what wrote it.</summary>
    public required string ProducerVersion { get; init; }

    /// <summary>Inputs.</summary>
    public required ImmutableArray<OnnxValue> Inputs { get; init; }

    /// <summary>Outputs.</summary>
    public required ImmutableArray<OnnxValue> Outputs { get; init; }

    /// <summary>Operators, each after those it takes values from.</summary>
    public required ImmutableArray<OnnxNode> Nodes { get; init; }

    /// <summary>Constant tensors.</summary>
    public required ImmutableArray<OnnxTensorSpec> Tensors { get; init; }

    /// <summary>Free text entries by key.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
