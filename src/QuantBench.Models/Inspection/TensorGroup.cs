namespace QuantBench.Models.Inspection;

/// <summary>Tensors of one kind and type.</summary>
/// <param name="Name">Their kind: <c>ffn_down</c> or <c>mlp.down_proj</c> of all layers, <c>vectors</c> for norms and biases.</param>
/// <param name="Type">How they are stored, e.g. <c>Q6_K</c>.</param>
/// <param name="Tensors">How many.</param>
/// <param name="Elements">Weights in them.</param>
/// <param name="Bytes">Bytes of them, scales and zero points included.</param>
public sealed record TensorGroup(string Name, string Type, int Tensors, long Elements, long Bytes)
{
    /// <summary>Bits per weight.</summary>
    public double BitsPerWeight => Elements == 0 ? 0 : 8.0 * Bytes / Elements;
}
