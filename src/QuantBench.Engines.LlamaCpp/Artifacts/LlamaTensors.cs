using QuantBench.Formats.Gguf;

namespace QuantBench.Engines.LlamaCpp.Artifacts;

/// <summary>Tensors whose types llama.cpp takes when it loads a file, and ends the process on when it computes with them.</summary>
internal static class LlamaTensors
{
    /// <summary>Why llama.cpp can't compute with a file; null when it can.</summary>
    /// <param name="path">The file.</param>
    public static string? Refusal(string path)
    {
        using GgufReader reader = GgufReader.Open(path);
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
