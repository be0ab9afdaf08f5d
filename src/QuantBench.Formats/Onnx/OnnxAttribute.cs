using System.Collections.Immutable;

namespace QuantBench.Formats.Onnx;

/// <summary>A named setting of a node.</summary>
/// <param name="Name">Its name.</param>
public abstract record OnnxAttribute(string Name)
{
    /// <summary>A float.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Value">Its value.</param>
    public sealed record Float(string Name, float Value) : OnnxAttribute(Name);

    /// <summary>A whole number.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Value">Its value.</param>
    public sealed record Int(string Name, long Value) : OnnxAttribute(Name);

    /// <summary>A text.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Value">Its value.</param>
    public sealed record Text(string Name, string Value) : OnnxAttribute(Name);

    /// <summary>Whole numbers.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Values">Its values.</param>
    public sealed record Ints(string Name, ImmutableArray<long> Values) : OnnxAttribute(Name);

    /// <summary>Floats.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Values">Its values.</param>
    public sealed record Floats(string Name, ImmutableArray<float> Values) : OnnxAttribute(Name);

    /// <summary>Anything else a file may hold: tensors, graphs, texts.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Kind">What it is, in ONNX's words.</param>
    public sealed record Other(string Name, string Kind) : OnnxAttribute(Name);
}
