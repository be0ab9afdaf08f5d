using System.Collections.Immutable;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Variants;

/// <summary>
/// What a variant says about single tensors: <c>{ffn_down=Q6_K,blk.0.attn_v=Q8_0}</c> behind a GGUF scheme's name. A rule names a kind of
/// tensor, in all layers or in one, and the block type that the quantizer gives it instead of the scheme's.
/// </summary>
/// <param name="Rules">Rules, those of one layer before those of all, then by name; the first that fits a tensor holds.</param>
public sealed record TensorTypes(ImmutableArray<TensorTypeRule> Rules)
{
    private const string LayerPrefix = "blk.";

    // llama.cpp refuses them without one, but for the two tables.
    private static readonly ImmutableArray<string> s_needImportance = ["IQ3_XXS", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_M", "IQ1_S"];

    /// <summary>Kinds of tensors that can be named.</summary>
    public static ImmutableArray<string> Tensors { get; } =
    [
        "token_embd", "output", "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "attn_q_a", "attn_q_b", "attn_kv_a_mqa",
        "attn_kv_b", "attn_k_b", "attn_v_b", "attn_gate", "ffn_gate", "ffn_up", "ffn_down", "ffn_gate_exps", "ffn_up_exps",
        "ffn_down_exps", "ffn_gate_up_exps", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp", "ssm_in", "ssm_out",
    ];

    /// <summary>Block types that can be asked for.</summary>
    public static IEnumerable<string> Types =>
        QuantSchemes.All.Where(s => s.Format == QuantSchemes.BlockTypeFormat).Select(s => s.Name);

    /// <summary>The rules as they stand in an id, braces included.</summary>
    public string Text => $"{{{string.Join(',', Rules.Select(r => $"{r.Tensor}={r.Type}"))}}}";

    /// <summary>Reads what stands between braces.</summary>
    /// <param name="text">E.g. <c>ffn_down=Q6_K,output=Q8_0</c>.</param>
    /// <param name="importanceMatrix">Whether the variant has an importance matrix; some types need one.</param>
    /// <returns>The rules, or what is wrong with the text and what would be right.</returns>
    internal static (TensorTypes? Types, string Problem, string Hint) Read(string text, bool importanceMatrix)
    {
        var rules = new List<TensorTypeRule>();
        foreach (string part in text.Split(','))
        {
            string[] sides = part.Split('=', StringSplitOptions.TrimEntries);
            if (sides.Length != 2 || sides[0].Length == 0)
                return (null, $"'{part.Trim()}' is no rule for a tensor's type", "write TENSOR=TYPE, e.g. ffn_down=Q6_K");
            if (!IsTensor(sides[0], out string kind))
                return (null, $"'{sides[0]}' is no kind of tensor", DidYouMean.Hint(kind, Tensors, "tensors"));
            if (QuantSchemes.Find(QuantSchemes.BlockTypeFormat, sides[1]) is not { } type)
                return (null, $"'{sides[1]}' is no type of tensors", DidYouMean.Hint(sides[1], Types, "types"));
            if (s_needImportance.Contains(type.Name) && !importanceMatrix && sides[0] is not ("output" or "token_embd"))
                return (null, $"tensors of type {type.Name} can't be made without an importance matrix", "add +imatrix to the variant");
            if (rules.Any(r => r.Tensor == sides[0])) return (null, $"'{sides[0]}' has two types", "name each tensor once");
            rules.Add(new TensorTypeRule(sides[0], type.Name));
        }

        return (new TensorTypes([.. rules.OrderBy(r => !r.Tensor.StartsWith(LayerPrefix, StringComparison.Ordinal))
            .ThenBy(r => r.Tensor, StringComparer.Ordinal)]), "", "");
    }

    /// <inheritdoc/>
    public bool Equals(TensorTypes? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    private static bool IsTensor(string name, out string kind)
    {
        kind = name;
        if (!name.StartsWith(LayerPrefix, StringComparison.Ordinal)) return Tensors.Contains(name);
        string[] parts = name.Split('.');
        kind = parts[^1];
        return parts.Length == 3 && parts[1].Length is > 0 and < 5 && parts[1].All(char.IsAsciiDigit)
            && (parts[1] == "0" || parts[1][0] != '0') && kind is not ("output" or "token_embd") && Tensors.Contains(kind);
    }
}
