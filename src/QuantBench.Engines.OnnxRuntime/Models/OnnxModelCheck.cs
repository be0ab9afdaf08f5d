using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Models;

/// <summary>Reads a model file before ONNX Runtime does, so that a broken one ends in a sentence instead of in native code.</summary>
internal static class OnnxModelCheck
{
    // Larger ones hold their weights inside: reading them here would double the cell's peak memory. They were read when the artifact was
    // made.
    private const long MaxBytes = 64 << 20;

    /// <summary>Checks a model file and its external data.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Products of floats with stored, dequantized weights, which ONNX Runtime fuses; null where the file is too large to be
    /// read here.</returns>
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">It is broken.</exception>
    public static int? Check(string path)
    {
        if (new FileInfo(path) is not { Exists: true, Length: <= MaxBytes }) return null;
        using OnnxModel model = OnnxModel.Open(path);
        HashSet<string> dequantized = [.. model.Nodes.Where(n => n.OpType == "DequantizeLinear").SelectMany(n => n.Outputs)];
        HashSet<string> weights =
        [
            .. model.Nodes.Where(n => n.OpType == "DequantizeLinear" && n.Inputs.Length > 0 && model.Tensors.ContainsKey(n.Inputs[0]))
                .SelectMany(n => n.Outputs),
        ];
        return model.Nodes.Count(n =>
            n.OpType == "MatMul" && n.Inputs is [string left, string right] && weights.Contains(right) && !dequantized.Contains(left));
    }
}
