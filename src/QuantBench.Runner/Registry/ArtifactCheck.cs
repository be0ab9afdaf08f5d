using System.Collections.Immutable;
using QuantBench.Core.Files;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Runner.Registry;

/// <summary>
/// Whether artifacts are what their recipes say: read whole at the first use in a run, which also finds what decayed without being written,
/// and again when the stamp of a file has changed since.
/// </summary>
internal sealed class ArtifactCheck
{
    private readonly Dictionary<string, ImmutableArray<(string File, FileStamp Stamp)>> _whole = new(StringComparer.Ordinal);

    /// <summary>What is wrong with an artifact; null when nothing is.</summary>
    /// <param name="entry">Its entry.</param>
    /// <param name="path">Its file or directory.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="IOException">It can't be read.</exception>
    public async Task<string?> FaultAsync(RegistryEntry entry, string path, CancellationToken cancellationToken)
    {
        ImmutableArray<(string File, FileStamp Stamp)> stamps = Stamps(path);
        if (_whole.TryGetValue(path, out ImmutableArray<(string File, FileStamp Stamp)> before) && before.SequenceEqual(stamps))
            return null;
        if (stamps.Length == 0) return "it isn't there any more";
        ArtifactContent content = await Task.Run(() => ArtifactContent.Read(path, cancellationToken), cancellationToken);
        if (content.Sha256 != entry.Sha256) return $"its SHA-256 is {content.Sha256}, but its recipe says {entry.Sha256}";
        _whole[path] = stamps;
        return null;
    }

    private static ImmutableArray<(string File, FileStamp Stamp)> Stamps(string path) =>
        [.. ArtifactContent.Files(path).Select(f => (f, FileStamp.Of(f)))];
}
