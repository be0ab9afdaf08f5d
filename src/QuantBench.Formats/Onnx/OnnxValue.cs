using System.Collections.Immutable;

namespace QuantBench.Formats.Onnx;

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type; undefined for what isn't a tensor.</param>
/// <param name="Shape">Its dimensions; null when the file doesn't say.</param>
public sealed record OnnxValue(string Name, OnnxDataType Type, ImmutableArray<OnnxDimension>? Shape);

/// <summary>A dimension: a size, or a name for one that is known when the model runs, or neither.</summary>
/// <param name="Size">The size; null when it isn't fixed.</param>
/// <param name="Symbol">Its name, e.g. <c>batch_size</c>; null when it has none.</param>
public readonly record struct OnnxDimension(long? Size, string? Symbol)
{
    /// <summary>A fixed size.</summary>
    /// <param name="size">The size.</param>
    public static implicit operator OnnxDimension(long size) => new(size, null);

    /// <summary>A named size.</summary>
    /// <param name="symbol">Its name.</param>
    public static implicit operator OnnxDimension(string symbol) => new(null, symbol);

    /// <summary>A fixed size.</summary>
    /// <param name="size">The size.</param>
    public static OnnxDimension FromInt64(long size) => size;

    /// <summary>A named size.</summary>
    /// <param name="symbol">Its name.</param>
    public static OnnxDimension FromString(string symbol) => symbol;

    /// <inheritdoc/>
    public override string ToString() => Size?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? Symbol ?? "?";
}
