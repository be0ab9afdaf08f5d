using QuantBench.Formats.Conversion;
using QuantBench.Formats.Gguf;
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

    /// <summary>The first bytes of the reference test text: speeches with index % 10 = 9, joined by two newlines.</summary>
    public static string TextPrefix(int bytes)
    {
        string data = Path.Combine(Root, "datasets", "node_modules", "@stdlib", "datasets-sotu", "data");
        Assert.True(Directory.Exists(data), $"{data} is missing: run ./run-bench.sh setup");
        string[] files = [.. Directory.GetFiles(data, "*.txt").Order(StringComparer.Ordinal)];
        string text = string.Join("\n\n", files.Where((_, i) => i % 10 == 9).Take(3).Select(File.ReadAllText));
        return text[..bytes]; // these speeches are ASCII there, so bytes are chars
    }
}
