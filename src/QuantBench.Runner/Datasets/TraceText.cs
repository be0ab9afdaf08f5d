using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Models.Sources;
using QuantBench.Models.Traces;

namespace QuantBench.Runner.Datasets;

/// <summary>Documents that a model wrote itself, sampled once and kept in the cache.</summary>
internal static class TraceText
{
    /// <summary>What must be done before they can be sampled; null when nothing.</summary>
    public static string? Missing(DatasetDescriptor descriptor) => Directory.Exists(ModelOf(descriptor)) ? null
        : $"is sampled from the model in {ModelOf(descriptor)}, which isn't there";

    /// <summary>The documents, sampled when they aren't in the cache.</summary>
    /// <exception cref="QuantBenchException">The model can't be read, or the cache can't be written.</exception>
    public static string[] Documents(DatasetDescriptor descriptor, string cacheRoot, CancellationToken cancellationToken)
    {
        DatasetSource source = descriptor.Source;
        if (Missing(descriptor) is { } missing)
            throw new RequestException($"dataset '{descriptor.Name}' {missing}.", "Fetch the repository again, or name another model.");
        string model = ModelSource.Open(ModelOf(descriptor), Path.Combine(cacheRoot, "hashes")).Sha256;
        string recipe = $"{TraceSampler.Version} {model} {source.Seed} {source.Documents} {source.Tokens}";
        string key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(recipe)).AsSpan(0, 16));
        string path = Path.Combine(cacheRoot, "traces", $"{key}.json");
        if (Read(path) is { } kept && kept.Length == source.Documents) return kept;
        string[] documents =
            TraceSampler.Sample(ModelOf(descriptor), (ulong)source.Seed, source.Documents, source.Tokens, cancellationToken);
        DiskFault.AsStore($"The text '{descriptor.Name}' can't be kept in {Path.GetDirectoryName(path)}", null, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!); // a file below the cache root has a directory
            string temporary = $"{path}.{Environment.ProcessId}.tmp";
            File.WriteAllText(temporary, JsonSerializer.Serialize(documents, Json.Line));
            File.Move(temporary, path, overwrite: true);
        });
        return documents;
    }

    private static string ModelOf(DatasetDescriptor descriptor) =>
        Path.GetFullPath(descriptor.Source.Trace ?? ".", Path.GetDirectoryName(descriptor.File) ?? ".");

    // What can't be read is sampled again.
    private static string[]? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<string[]>(File.ReadAllText(path), Json.Line) : null;
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            return null;
        }
    }
}
