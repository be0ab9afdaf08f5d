using System.Text.Json;
using System.Text.Json.Serialization;

namespace QuantBench.Core.Variants;

/// <summary>
/// A format plus a quant scheme, as one id: <c>gguf:Q4_K_M</c>, or <c>gguf:Q4_K_M+imatrix</c> when the weights were quantized with an
/// importance matrix.
/// </summary>
[JsonConverter(typeof(VariantJsonConverter))]
public sealed record Variant
{
    private const string ImatrixSuffix = "+imatrix";

    private Variant(QuantScheme scheme, bool importanceMatrix)
    {
        (Scheme, ImportanceMatrix) = (scheme, importanceMatrix);
        Id = $"{scheme.Format}:{scheme.Name}{(importanceMatrix ? ImatrixSuffix : "")}";
    }

    /// <summary>The quant scheme.</summary>
    public QuantScheme Scheme { get; }

    /// <summary>Whether an importance matrix steers the quantizer.</summary>
    public bool ImportanceMatrix { get; }

    /// <summary>Whether making it needs a training text: for an importance matrix, or to calibrate activations.</summary>
    public bool NeedsCalibrationText => ImportanceMatrix || Scheme.NeedsCalibrationText;

    /// <summary>Whether it is what a server calls a model of its own: no file here is of it.</summary>
    public bool IsServed => Scheme.Format == ServedScheme.Format;

    /// <summary>Format id, e.g. <c>gguf</c>.</summary>
    public string Format => Scheme.Format;

    /// <summary>The id, e.g. <c>gguf:Q4_K_M+imatrix</c>; scheme names keep the field's spelling.</summary>
    public string Id { get; }

    /// <summary>The scheme with its suffix but without the format, e.g. <c>Q4_K_M+imatrix</c>.</summary>
    public string ShortName => $"{Scheme.Name}{(ImportanceMatrix ? ImatrixSuffix : "")}";

    /// <summary>Reads an id. Case of the scheme doesn't matter; a missing format means GGUF.</summary>
    /// <param name="text">E.g. <c>gguf:q4_k_m+imatrix</c> or <c>Q4_K_M</c>.</param>
    /// <param name="variant">The variant when true is returned.</param>
    /// <returns>False when the format or scheme isn't known.</returns>
    public static bool TryParse(string text, out Variant? variant)
    {
        ArgumentNullException.ThrowIfNull(text);
        variant = null;
        string rest = text.Trim();
        bool imatrix = rest.EndsWith(ImatrixSuffix, StringComparison.OrdinalIgnoreCase);
        if (imatrix) rest = rest[..^ImatrixSuffix.Length];
        int colon = rest.IndexOf(':', StringComparison.Ordinal);
        string format = colon < 0 ? "gguf" : rest[..colon];
        string name = colon < 0 ? rest : rest[(colon + 1)..];
        if ((QuantSchemes.Find(format, name) ?? ServedScheme.Of(format, name)) is not { } scheme) return false;
        variant = new Variant(scheme, imatrix);
        return true;
    }

    /// <summary>Reads an id that is known to be right.</summary>
    /// <exception cref="FormatException">The format or scheme isn't known.</exception>
    public static Variant Parse(string text) =>
        // non-null when true
        TryParse(text, out Variant? variant) ? variant! : throw new FormatException($"'{text}' is not a known variant.");

    /// <inheritdoc/>
    public bool Equals(Variant? other) => other is not null && Id == other.Id;

    /// <inheritdoc/>
    public override int GetHashCode() => Id.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Id;

    private sealed class VariantJsonConverter : JsonConverter<Variant>
    {
        public override Variant Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            string text = reader.GetString() ?? "";
            // non-null when true
            return TryParse(text, out Variant? variant) ? variant! : throw new JsonException($"'{text}' is not a known variant.");
        }

        public override void Write(Utf8JsonWriter writer, Variant value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Id);
    }
}
