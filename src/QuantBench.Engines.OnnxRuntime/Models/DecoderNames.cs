namespace QuantBench.Engines.OnnxRuntime.Models;

/// <summary>What inputs and outputs of a decoder are called unless its files say otherwise.</summary>
internal static class DecoderNames
{
    /// <summary>The token ids.</summary>
    public const string InputIds = "input_ids";

    /// <summary>The mask.</summary>
    public const string AttentionMask = "attention_mask";

    /// <summary>The logits.</summary>
    public const string Logits = "logits";
}
