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
    /// <exception cref="QuantBench.Core.Errors.ModelFormatException">It is broken.</exception>
    public static void Check(string path)
    {
        if (new FileInfo(path) is not { Exists: true, Length: <= MaxBytes }) return;
        OnnxModel.Open(path).Dispose();
    }
}
