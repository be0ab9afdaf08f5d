using System.Collections.Immutable;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;

namespace QuantBench.Runner.Registry;

/// <summary>What <c>recipe.json</c> beside an artifact holds: where it comes from and what it is.</summary>
public sealed record RegistryEntry
{
    /// <summary>Version of this shape; 1.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Key: hash of source, recipe and inputs; also the folder's name.</summary>
    public required string Key { get; init; }

    /// <summary>Variant id, or <c>imatrix</c>.</summary>
    public required string ArtifactName { get; init; }

    /// <summary>Path of the model source it was made from.</summary>
    public required string SourcePath { get; init; }

    /// <summary>SHA-256 over the source's files.</summary>
    public required string SourceSha256 { get; init; }

    /// <summary>How it was made.</summary>
    public required ArtifactRecipe Recipe { get; init; }

    /// <summary>Input artifact name → SHA-256.</summary>
    public required ImmutableSortedDictionary<string, string> Inputs { get; init; }

    /// <summary>SHA-256 of the artifact.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Bytes of the artifact.</summary>
    public required long Bytes { get; init; }

    /// <summary>Bytes of its tensors; 0 for files that aren't models.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Number of weights; 0 for files that aren't models.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>When it was made, UTC.</summary>
    public required DateTimeOffset Built { get; init; }

    /// <summary>Seconds it took.</summary>
    public required double BuildSeconds { get; init; }

    /// <summary>The artifact as engines take it.</summary>
    /// <param name="path">Path of its file.</param>
    /// <exception cref="FormatException">It is no variant (an importance matrix).</exception>
    public Artifact ToArtifact(string path) => new(path, Variant.Parse(ArtifactName), Sha256, Bytes, WeightBytes, ParameterCount);
}

/// <summary>How an artifact stands.</summary>
/// <param name="Entry">Its entry; null when <c>recipe.json</c> can't be read.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="LastUsed">When a run last used it, UTC.</param>
/// <param name="Damage">What is wrong with it; null when nothing was found.</param>
public sealed record RegistryItem(RegistryEntry? Entry, string Folder, DateTimeOffset LastUsed, string? Damage);

/// <summary>Something <c>models gc</c> removes.</summary>
/// <param name="Path">File or folder.</param>
/// <param name="Bytes">Bytes it takes.</param>
/// <param name="Why">Why it goes.</param>
public sealed record GarbageItem(string Path, long Bytes, string Why);
