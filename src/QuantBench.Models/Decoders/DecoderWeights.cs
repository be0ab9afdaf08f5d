using QuantBench.Core.Errors;

namespace QuantBench.Models.Decoders;

/// <summary>Opens decoders.</summary>
public static class DecoderWeights
{
    /// <summary>Opens a Hugging Face directory or a GGUF file.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="QuantBenchException">It can't be opened, is broken, or isn't a decoder of a known family.</exception>
    public static IDecoderWeights Open(string path) => Directory.Exists(path) ? HuggingFaceDecoder.Open(path) : GgufDecoder.Open(path);
}
