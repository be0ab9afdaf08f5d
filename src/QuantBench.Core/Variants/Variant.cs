using System.Text.Json;
using System.Text.Json.Serialization;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Variants;

/// <summary>
/// A format plus a quant scheme, as one id: <c>gguf:Q4_K_M</c>, or <c>gguf:Q4_K_M+imatrix</c> when the weights were quantized with an
/// importance matrix; <c>gguf:Q4_K_M{ffn_down=Q6_K}</c> when single tensors have types of their own.
/// </summary>
[JsonConverter(typeof(VariantJsonConverter))]
public sealed record Variant
{
    private const string ImatrixSuffix = "+imatrix";

    private Variant(QuantScheme scheme, TensorTypes? tensors, bool importanceMatrix)
    {
        (Scheme, Tensors, ImportanceMatrix) = (scheme, tensors, importanceMatrix);
        ShortName = $"{scheme.Name}{tensors?.Text}{(importanceMatrix ? ImatrixSuffix : "")}";
        Id = $"{scheme.Format}:{ShortName}";
    }

    /// <summary>The quant scheme.</summary>
    public QuantScheme Scheme { get; }

    /// <summary>Types of single tensors; null = all are as the scheme has them.</summary>
    public TensorTypes? Tensors { get; }

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

    /// <summary>The scheme with its suffixes but without the format, e.g. <c>Q4_K_M+imatrix</c>.</summary>
    public string ShortName { get; }

    /// <summary>Reads an id. Case of the scheme doesn't matter; a missing format means GGUF.</summary>
    /// <param name="text">E.g. <c>gguf:q4_k_m+imatrix</c> or <c>Q4_K_M</c>.</param>
    /// <param name="variant">The variant when true is returned.</param>
    /// <returns>False when the format or scheme isn't known, or a rule for tensors is wrong.</returns>
    public static bool TryParse(string text, out Variant? variant) => (variant = Read(text).Variant) is not null;

    /// <summary>Reads an id as <see cref="TryParse"/> does.</summary>
    /// <param name="text">E.g. <c>gguf:q4_k_m+imatrix</c> or <c>Q4_K_M</c>.</param>
    /// <returns>The variant, or what is wrong with the text and what would be right.</returns>
    public static (Variant? Variant, string Problem, string Hint) Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string rest = text.Trim();
        bool imatrix = rest.EndsWith(ImatrixSuffix, StringComparison.OrdinalIgnoreCase);
        if (imatrix) rest = rest[..^ImatrixSuffix.Length];
        int brace = rest.IndexOf('{', StringComparison.Ordinal);
        string id = brace < 0 ? rest : rest[..brace];
        int colon = id.IndexOf(':', StringComparison.Ordinal);
        string format = colon < 0 ? "gguf" : id[..colon];
        string name = colon < 0 ? id : id[(colon + 1)..];
        if ((QuantSchemes.Find(format, name) ?? ServedScheme.Of(format, name)) is not { } scheme)
        {
            // A name without its format is a GGUF scheme's.
            IEnumerable<string> known = colon < 0
                ? QuantSchemes.All.Where(s => s.Format == "gguf").Select(s => s.Name)
                : QuantSchemes.All.Select(s => $"{s.Format}:{s.Name}");
            return (null, $"'{text}' is no variant that is known", DidYouMean.Hint(id, known, "variants"));
        }

        if (brace < 0) return (new Variant(scheme, null, imatrix), "", "");
        if (!scheme.TakesTensorTypes)
        {
            return (null, $"'{text}': tensors of {scheme.Format}:{scheme.Name} can't have types of their own",
                "GGUF schemes that llama.cpp quantizes to can, e.g. gguf:Q4_K_M{ffn_down=Q6_K}");
        }

        if (!rest.EndsWith('}')) return (null, $"'{text}' has no closing brace", "write e.g. gguf:Q4_K_M{ffn_down=Q6_K,output=Q8_0}");
        (TensorTypes? tensors, string problem, string hint) = TensorTypes.Read(rest[(brace + 1)..^1], imatrix);
        return tensors is null ? (null, $"'{text}': {problem}", hint) : (new Variant(scheme, tensors, imatrix), "", "");
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
