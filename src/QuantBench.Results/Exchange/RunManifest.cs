using System.Collections.Immutable;
using System.Text;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Exchange;

/// <summary>SHA-256 sums of a run's files, in the form that <c>sha256sum --check</c> reads: one file to sign for all of them.</summary>
/// <param name="Files">Path inside the run's folder, with <c>/</c> → SHA-256 in lower-case hex.</param>
public sealed record RunManifest(ImmutableSortedDictionary<string, string> Files)
{
    /// <summary>Name of the manifest in a run's folder.</summary>
    public const string FileName = "manifest.sha256";

    /// <summary>Hashes a run's content: description, cells and logs.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <exception cref="StoreException">Not a run's folder, or a file can't be read.</exception>
    public static RunManifest OfContent(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return OfFiles(folder, BundleManifest.ContentPaths(folder));
    }

    /// <summary>This manifest with further files of the folder.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="paths">Paths inside it, with <c>/</c>.</param>
    /// <exception cref="StoreException">A file can't be read.</exception>
    public RunManifest With(string folder, IEnumerable<string> paths) => new(Files.SetItems(OfFiles(folder, paths).Files));

    /// <summary>The same files, named from another folder.</summary>
    /// <param name="from">The folder their paths start from now.</param>
    /// <param name="to">The folder they shall start from.</param>
    public RunManifest Moved(string from, string to) => new(Files.ToImmutableSortedDictionary(
        f => Path.GetRelativePath(to, Path.Combine(from, f.Key)).Replace('\\', '/'), f => f.Value, StringComparer.Ordinal));

    /// <summary>The manifest's text; ends with a newline.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((string path, string sha256) in Files) text.Append(sha256).Append("  ").Append(path).Append('\n');
        return text.ToString();
    }

    private static RunManifest OfFiles(string folder, IEnumerable<string> paths)
    {
        return DiskFault.AsStore($"{folder}: can't be hashed", "See 'quantbench results list' for the runs that are here.",
            () => new RunManifest(
                paths.ToImmutableSortedDictionary(p => p, p => BundleManifest.HashFile(Path.Combine(folder, p)), StringComparer.Ordinal)));
    }
}
