using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Models.Inspection;
using QuantBench.Runner.Registry;

namespace QuantBench.Lab.Artifacts;

/// <summary>An artifact of the model registry as pages show it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Name">Variant id or <c>imatrix</c>; null when its recipe can't be read.</param>
/// <param name="SourcePath">Where its weights came from.</param>
/// <param name="SourceSha256">Their hash.</param>
/// <param name="Builder">What made it, with its build.</param>
/// <param name="Inputs">Other artifacts that went in, with their hashes.</param>
/// <param name="Sha256">Its hash.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="BitsPerWeight">Bits of its tensors over its weights; null for files that are no models.</param>
/// <param name="Built">When it was made.</param>
/// <param name="LastUsed">When a run last used it.</param>
/// <param name="Damage">What is wrong with it; null when nothing was found.</param>
public sealed record ArtifactInfo(
    string Key, string? Name, string SourcePath, string SourceSha256, string Builder, ImmutableSortedDictionary<string, string> Inputs,
    string Sha256,
    long Bytes, double? BitsPerWeight, DateTimeOffset Built, DateTimeOffset LastUsed, string? Damage);

/// <summary>The model registry of this machine, read only.</summary>
/// <param name="options">Where the cache lies.</param>
/// <param name="clock">The one clock.</param>
public sealed class ArtifactCatalog(LabOptions options, TimeProvider clock)
{
    /// <summary>Every artifact, by source and size.</summary>
    public ImmutableArray<ArtifactInfo> List() =>
    [
        .. new ModelRegistry(options.CacheRoot, clock).List().Select(Make)
            .OrderBy(a => a.SourcePath, StringComparer.Ordinal).ThenByDescending(a => a.Bytes),
    ];

    /// <summary>What an artifact's files hold; null when it isn't here, is no model, or can't be read.</summary>
    /// <param name="key">Its key.</param>
    public ModelInspection? Inspect(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        var registry = new ModelRegistry(options.CacheRoot, clock);
        if (registry.List().FirstOrDefault(i => i.Entry?.Key == key)?.Entry is not { ParameterCount: > 0 } entry) return null;
        try
        {
            return ModelInspector.Inspect(registry.ArtifactPath(entry));
        }
        catch (QuantBenchException)
        {
            return null; // Damage is shown in the list.
        }
    }

    private static ArtifactInfo Make(RegistryItem item) => item.Entry is { } entry
        ? new ArtifactInfo(
            entry.Key, entry.ArtifactName, entry.SourcePath, entry.SourceSha256, $"{entry.Recipe.Builder} ({entry.Recipe.BuilderBuild})",
            entry.Inputs, entry.Sha256,
            entry.Bytes, entry.ParameterCount > 0 ? 8.0 * entry.WeightBytes / entry.ParameterCount : null, entry.Built, item.LastUsed,
            item.Damage)
        : new ArtifactInfo(
            Path.GetFileName(item.Folder), null, "", "", "", ImmutableSortedDictionary<string, string>.Empty, "", 0, null,
            DateTimeOffset.UnixEpoch, item.LastUsed, item.Damage);
}
