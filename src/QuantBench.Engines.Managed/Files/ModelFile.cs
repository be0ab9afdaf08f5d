using QuantBench.Core.Errors;

namespace QuantBench.Engines.Managed.Files;

/// <summary>Opens models of every format; a new one is a line here.</summary>
internal static class ModelFile
{
    /// <summary>Opens a model.</summary>
    /// <param name="path">A GGUF file, or a directory in the Hugging Face layout.</param>
    /// <exception cref="QuantBenchException">It can't be opened or isn't a model that is read; the message says why.</exception>
    public static IModelFile Open(string path) => Directory.Exists(path) ? new DirectoryModelFile(path) : new GgufModelFile(path);
}
