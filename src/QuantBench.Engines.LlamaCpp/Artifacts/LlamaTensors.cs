using QuantBench.Formats.Gguf;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>Files that llama.cpp loads and that give no figures: tensors whose types end the process when it computes with them, and
/// models that it would compute as something else.</summary>
internal static class LlamaTensors
{
    /// <summary>Why llama.cpp can't compute with a file; null when it can.</summary>
    /// <param name="path">The file.</param>
    public static string? Refusal(string path)
    {
        using GgufReader reader = GgufReader.Open(path);
        if (DecoderShape.MetadataRefusal(reader.Metadata) is { } refusal) return refusal;
        foreach (GgufTensorInfo tensor in reader.Tensors)
        {
            if (!tensor.Name.EndsWith(".weight", StringComparison.Ordinal)) continue;
            if (tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                if (tensor.Type != GgmlType.F32)
                    return $"llama.cpp computes with norms of F32 only, and '{tensor.Name}' is of {tensor.Type}";
            }
            else if (tensor.Dimensions.Length > 1 && !GgmlTypes.Get(tensor.Type).HoldsWeights)
            {
                return $"llama.cpp doesn't multiply matrices of type {tensor.Type} ('{tensor.Name}')";
            }
        }

        return null;
    }
}
