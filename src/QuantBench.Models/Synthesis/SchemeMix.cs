using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Synthesis;

/// <summary>
/// The tensor types that llama.cpp's quantizer gives the matrices of a dense model, scheme by scheme: more bits for the output head, for
/// values, down-projections and the first and last layers. Schemes that need an importance matrix are mixed as with one, the others as
/// without.
/// </summary>
/// <param name="scheme">Name of a GGUF scheme, or of a single block type that all matrices but the output head then have.</param>
/// <param name="layers">Number of layers.</param>
/// <param name="queriesPerKey">Query heads per key head.</param>
/// <param name="experts">Experts of each layer; 0 = none.</param>
/// <param name="sharedFrom">First layer with an expert of all tokens beside the others; null = none has one.</param>
internal sealed class SchemeMix(string scheme, int layers, int queriesPerKey, int experts = 0, int? sharedFrom = null)
{
    private const string ExpertScheme = "MXFP4_MOE";
    private const int FewExperts = 8; // beside so few, attention is small, and gets more bits

    private const int SharedKeys = 4; // from so many query heads per key head on, values are few and get more bits

    // Where a scheme's name isn't its type's.
    private static readonly ImmutableSortedDictionary<string, GgmlType> s_base = new Dictionary<string, GgmlType>
    {
        ["Q2_K_S"] = GgmlType.Q2_K,
        ["Q3_K_S"] = GgmlType.Q3_K,
        ["Q3_K_M"] = GgmlType.Q3_K,
        ["Q3_K_L"] = GgmlType.Q3_K,
        ["Q4_K_S"] = GgmlType.Q4_K,
        ["Q4_K_M"] = GgmlType.Q4_K,
        ["Q5_K_S"] = GgmlType.Q5_K,
        ["Q5_K_M"] = GgmlType.Q5_K,
        ["IQ2_S"] = GgmlType.IQ2_XS,
        ["IQ2_M"] = GgmlType.IQ2_S,
        ["IQ3_XS"] = GgmlType.IQ3_S,
        ["IQ3_M"] = GgmlType.IQ3_S,
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    /// <summary>Every scheme: those of GGUF, then single block types that are no scheme.</summary>
    public static ImmutableArray<string> Schemes { get; } =
    [
        .. QuantSchemes.All.Where(s => s.Format == "gguf"
            && (s.Name == ExpertScheme || s_base.ContainsKey(s.Name) || Pure(s.Name) is not null)).Select(s => s.Name),
        .. GgmlTypes.All.Where(t => t.HoldsWeights && QuantSchemes.Find("gguf", t.Name) is null).Select(t => t.Name),
    ];

    private GgmlType Base =>
        scheme == ExpertScheme ? GgmlType.Q8_0
            : s_base.TryGetValue(scheme, out GgmlType type) ? type
            : Pure(scheme) ?? throw new ArgumentException($"no scheme '{scheme}'", nameof(scheme));

    /// <summary>The type of a matrix.</summary>
    /// <param name="role">What it does; embeddings that serve as the head are one.</param>
    /// <param name="layer">Its layer; 0 for embeddings and head.</param>
    /// <param name="columns">Weights per row: types whose blocks don't fit give way to others.</param>
    public GgmlType TypeOf(DecoderRole role, int layer, int columns)
    {
        if (Base is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16) return Base;
        int down = DownIndex(role, layer);
        role = role switch
        {
            DecoderRole.GateExperts when scheme != ExpertScheme => DecoderRole.Gate,
            DecoderRole.UpExperts when scheme != ExpertScheme => DecoderRole.Up,
            DecoderRole.DownExperts when scheme != ExpertScheme => DecoderRole.Down,
            DecoderRole.SharedGate => DecoderRole.Gate,
            DecoderRole.SharedUp => DecoderRole.Up,
            DecoderRole.SharedDown => DecoderRole.Down,
            _ => role,
        };
        if (experts == FewExperts && scheme != ExpertScheme
            && role is DecoderRole.Value or DecoderRole.KeyValueUp or DecoderRole.Key or DecoderRole.AttentionOutput)
            return Fitting(BesideFewExperts(role), columns);
        return Fitting(role switch
        {
            // Whatever is several matrices in one tensor counts as experts there, and matrices head by head are, too.
            _ when scheme == ExpertScheme => role is DecoderRole.GateExperts or DecoderRole.UpExperts or DecoderRole.DownExperts
                or DecoderRole.KeyUp or DecoderRole.ValueUp ? GgmlType.MXFP4 : GgmlType.Q8_0,
            DecoderRole.Head => Head(columns),
            DecoderRole.Embedding => Embedding,
            _ when scheme is "IQ1_S" or "IQ1_M" or "IQ2_XXS" or "IQ2_XS" or "IQ2_S" or "IQ2_M" => Lowest(role, down),
            DecoderRole.Value or DecoderRole.QueryKeyValue or DecoderRole.KeyValueUp => Value(layer),
            DecoderRole.Key or DecoderRole.Query => scheme switch { "IQ3_XS" => GgmlType.IQ3_XXS, "IQ3_XXS" => GgmlType.IQ2_S, _ => Base },
            DecoderRole.AttentionOutput => scheme switch
            {
                "Q2_K" => GgmlType.Q3_K,
                "IQ3_XXS" => GgmlType.IQ3_S,
                "Q3_K_M" or "IQ3_M" => GgmlType.Q4_K,
                "Q3_K_L" => GgmlType.Q5_K,
                _ => Base,
            },
            DecoderRole.Down => Down(layer),
            DecoderRole.Gate or DecoderRole.Up or DecoderRole.GateUp =>
                scheme == "IQ3_XS" && layer >= layers / 8 && layer < 7 * layers / 8 ? GgmlType.IQ3_XXS : Base,
            _ => Base,
        }, columns);
    }

    private static GgmlType? Pure(string name) =>
        GgmlTypes.All.FirstOrDefault(t => t.Name == name) is { } info && info.HoldsWeights ? info.Type : null;

    private GgmlType Embedding => scheme switch
    {
        "IQ1_S" or "IQ1_M" or "IQ2_XXS" or "IQ2_XS" => GgmlType.Q2_K,
        "IQ2_S" or "IQ2_M" or "IQ3_XXS" => GgmlType.IQ3_S,
        "TQ1_0" or "TQ2_0" or "Q2_0" => GgmlType.Q4_K,
        "NVFP4" or "MXFP4" => GgmlType.Q6_K, // as the converter of these writes them
        _ => Base,
    };

    private GgmlType Head(int columns) =>
        columns % GgmlTypes.Get(Base).BlockElements != 0 ? GgmlType.Q8_0
        : scheme is "IQ1_S" or "IQ1_M" or "IQ2_XXS" or "IQ2_XS" or "IQ2_S" or "IQ2_M" or "IQ3_XXS" ? GgmlType.Q5_K
        : Base == GgmlType.Q8_0 ? GgmlType.Q8_0 : GgmlType.Q6_K;

    /// <summary>How many down-projections stand before a layer's: what an expert of all tokens has is one more.</summary>
    private int DownIndex(DecoderRole role, int layer) => layer
        + (layer > sharedFrom ? layer - sharedFrom.Value : 0) + (role == DecoderRole.SharedDown ? 1 : 0);

    private GgmlType Lowest(DecoderRole role, int down)
    {
        GgmlType better = scheme is "IQ2_S" or "IQ2_M" ? GgmlType.IQ3_S : GgmlType.Q2_K;
        return role switch
        {
            DecoderRole.Value or DecoderRole.QueryKeyValue or DecoderRole.KeyValueUp =>
                queriesPerKey >= SharedKeys || experts >= 4 ? GgmlType.Q4_K : better,
            DecoderRole.Down when down < layers / 8 => better,
            DecoderRole.AttentionOutput => scheme switch
            {
                "IQ1_S" or "IQ1_M" => GgmlType.IQ2_XXS,
                "IQ2_S" or "IQ2_M" => GgmlType.IQ3_S,
                _ => Base,
            },
            _ => Base,
        };
    }

    private GgmlType Value(int layer)
    {
        bool shared = queriesPerKey >= SharedKeys;
        return scheme switch
        {
            "Q2_K" => shared ? GgmlType.Q4_K : GgmlType.Q3_K,
            "Q2_K_S" or "IQ3_XXS" or "IQ3_XS" or "IQ3_S" when shared => GgmlType.Q4_K,
            "IQ3_M" => GgmlType.Q4_K,
            "Q3_K_M" => layer < 2 ? GgmlType.Q5_K : GgmlType.Q4_K,
            "Q3_K_L" => GgmlType.Q5_K,
            "IQ4_NL" or "IQ4_XS" when shared => GgmlType.Q5_K,
            "Q4_K_M" or "Q5_K_M" when GetsMoreBits(layer) => GgmlType.Q6_K,
            "Q4_K_S" when layer < 4 => GgmlType.Q5_K,
            _ => Base,
        };
    }

    private GgmlType Down(int layer)
    {
        bool first = layer < layers / 8;
        return scheme switch
        {
            "Q2_K" => GgmlType.Q3_K,
            "Q2_K_S" when first => GgmlType.Q4_K,
            "Q3_K_M" => layer < layers / 16 ? GgmlType.Q5_K : GgmlType.Q4_K,
            "IQ3_M" when first || (experts == FewExperts && GetsMoreBits(layer)) => GgmlType.Q4_K,
            "Q3_K_L" => GgmlType.Q5_K,
            "Q4_K_M" or "Q5_K_M" when GetsMoreBits(layer) => GgmlType.Q6_K,
            "IQ4_NL" or "IQ4_XS" or "Q4_K_S" when first => GgmlType.Q5_K,
            _ => Base,
        };
    }

    private GgmlType BesideFewExperts(DecoderRole role)
    {
        bool lowest = scheme is "IQ1_S" or "IQ1_M" or "IQ2_XXS" or "IQ2_XS" or "IQ2_S" or "IQ2_M";
        if (role != DecoderRole.AttentionOutput) return lowest ? GgmlType.Q4_K : GgmlType.Q8_0;
        return lowest || scheme is "Q2_K" or "IQ3_XS" or "IQ3_XXS" or "Q3_K_S" or "Q3_K_M" or "IQ4_NL" or "Q4_K_S" or "Q4_K_M" or "IQ3_S"
            or "IQ3_M" or "IQ4_XS" ? GgmlType.Q5_K : Base;
    }

    private bool GetsMoreBits(int layer) => layer < layers / 8 || layer >= 7 * layers / 8 || (layer - (layers / 8)) % 3 == 2;

    /// <summary>What llama.cpp takes where rows aren't whole blocks.</summary>
    /// <exception cref="UnsupportedException">It refuses.</exception>
    private static GgmlType Fitting(GgmlType type, int columns)
    {
        if (columns % GgmlTypes.Get(type).BlockElements == 0) return type;
        GgmlType other = type switch
        {
            GgmlType.Q4_K => GgmlType.Q5_0,
            GgmlType.Q5_K => GgmlType.Q5_1,
            GgmlType.Q6_K => GgmlType.Q8_0,
            GgmlType.TQ1_0 or GgmlType.TQ2_0 or GgmlType.Q2_0 or GgmlType.Q2_K or GgmlType.Q3_K => GgmlType.Q4_0,
            _ when GgmlTypes.Get(type).BlockElements == 256 => GgmlType.IQ4_NL,
            _ when GgmlTypes.Get(type).BlockElements <= 32 => GgmlType.F16,
            _ => throw new UnsupportedException(null,
                $"rows of {columns} weights aren't whole blocks of {type} ({GgmlTypes.Get(type).BlockElements}), and llama.cpp's quantizer "
                    + "has no other type for them.", "Take another scheme or shape."),
        };
        return columns % GgmlTypes.Get(other).BlockElements == 0 ? other : GgmlType.F16;
    }
}
