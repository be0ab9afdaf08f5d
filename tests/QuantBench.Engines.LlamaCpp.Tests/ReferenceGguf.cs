using QuantBench.Formats.Gguf;
using QuantBench.Models.Conversion;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests;

/// <summary>The reference model as F32 GGUF, converted once and kept in <c>.cache/test</c>.</summary>
internal static class ReferenceGguf
{
    private static readonly Lock s_lock = new();

    /// <summary>The checkout's root.</summary>
    public static string Root => RepositoryRoot.Directory;

    /// <summary>Path of the F32 GGUF file.</summary>
    public static string F32Path()
    {
        string path = Path.Combine(Root, ".cache", "test", "reference-F32.gguf");
        lock (s_lock)
        {
            if (File.Exists(path)) return path;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!); // the path has a directory
            string temporary = $"{path}.{Environment.ProcessId}.tmp";
            HuggingFaceToGguf.Convert(Path.Combine(Root, "datasets", "reference-model"), temporary, GgmlType.F32, new Progress<double>(),
                CancellationToken.None);
            File.Move(temporary, path, overwrite: true);
            return path;
        }
    }
}
