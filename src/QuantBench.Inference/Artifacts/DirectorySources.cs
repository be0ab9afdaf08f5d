using QuantBench.Core.Errors;
using QuantBench.Models.Sources;

namespace QuantBench.Inference.Artifacts;

/// <summary>What builders ask of a model directory before they start.</summary>
internal static class DirectorySources
{
    /// <summary>Whether a source is a directory of float weights.</summary>
    /// <param name="source">The source.</param>
    /// <param name="builder">Name of the builder that asks.</param>
    public static Support HaveFloats(ModelSource source, string builder)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Kind != SourceKind.HuggingFace) return Support.No($"{builder} converts Hugging Face directories, not GGUF files");
        return DirectoryVariant.Quantized(source.Path) is { } own
            ? Support.No($"{source.Path} is {own} already; {builder} starts from float weights") : Support.Yes;
    }
}
