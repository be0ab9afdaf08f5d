namespace QuantBench.Formats.Gguf;

/// <summary>What a message speaks of. Its text is made when there is a message: a header has thousands of entries and rarely one.</summary>
/// <param name="Kind">E.g. <c>the value of</c>.</param>
/// <param name="Name">A name of the file's, or null when the kind says it all.</param>
internal readonly record struct GgufPlace(string Kind, string? Name = null)
{
    public static implicit operator GgufPlace(string kind) => new(kind);

    /// <inheritdoc/>
    public override string ToString() => Name is null ? Kind : $"{Kind} '{Name}'";
}
