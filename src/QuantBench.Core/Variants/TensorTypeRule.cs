namespace QuantBench.Core.Variants;

/// <summary>The type of some tensors.</summary>
/// <param name="Tensor">Their name in GGUF files without <c>.weight</c>: <c>ffn_down</c> for all layers, <c>blk.3.ffn_down</c> for
/// one.</param>
/// <param name="Type">Their block type, e.g. <c>Q6_K</c>.</param>
public sealed record TensorTypeRule(string Tensor, string Type)
{
    /// <summary>Whether a tensor is meant.</summary>
    /// <param name="name">Its full name, e.g. <c>blk.3.ffn_down.weight</c>.</param>
    public bool Matches(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.EndsWith($"{Tensor}.weight", StringComparison.Ordinal)
            && (name.Length == Tensor.Length + ".weight".Length || name[^(Tensor.Length + ".weight".Length + 1)] == '.');
    }
}
