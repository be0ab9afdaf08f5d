using QuantBench.Core.Errors;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Sources;

/// <summary>Opens models of every format; a new one is a line here.</summary>
public static class ModelFile
{
    /// <summary>Opens a model.</summary>
    /// <param name="path">A GGUF file, or a directory in the Hugging Face layout.</param>
    /// <exception cref="QuantBenchException">It can't be opened or isn't a model that is read; the message says why.</exception>
    public static IModelFile Open(string path) => Directory.Exists(path) ? DirectoryModel.Open(path) : new GgufModelFile(path);
}
