using System.Collections.Immutable;

namespace QuantBench.Runner.Datasets;

/// <summary>A file of <c>datasets/</c>: an evaluation text that is fetched, never committed, and pinned by hashes.</summary>
/// <param name="File">Path of the descriptor.</param>
/// <param name="Name">Name in suites.</param>
/// <param name="Title">What it is, for people.</param>
/// <param name="License">SPDX id of the text's licence, or a phrase.</param>
/// <param name="Source">Where its files come from.</param>
/// <param name="Join">What is put between two files.</param>
/// <param name="Splits">Its splits by name.</param>
/// <param name="DefaultSplit">The split that the bare name stands for.</param>
public sealed record DatasetDescriptor(
    string File,
    string Name,
    string Title,
    string License,
    DatasetSource Source,
    string Join,
    ImmutableSortedDictionary<string, DatasetSplit> Splits,
    string DefaultSplit);

/// <summary>Where a dataset's files come from: exactly one of an npm package, a download, a local path or a model.</summary>
public sealed record DatasetSource
{
    /// <summary>npm package, installed by <c>./run-bench.sh setup</c> into <c>datasets/node_modules</c>.</summary>
    public string? Npm { get; init; }

    /// <summary>Version of the npm package; must match its <c>package.json</c>.</summary>
    public string? Version { get; init; }

    /// <summary>Download address.</summary>
    public Uri? Url { get; init; }

    /// <summary>SHA-256 of the download, 64 lower-case hex digits.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Path of the text inside a downloaded zip file.</summary>
    public string? Entry { get; init; }

    /// <summary>Local file or directory, absolute or relative to the descriptor.</summary>
    public string? Path { get; init; }

    /// <summary>Directory of a model that writes the documents itself, absolute or relative to the descriptor.</summary>
    public string? Trace { get; init; }

    /// <summary>Seed of a trace.</summary>
    public long Seed { get; init; }

    /// <summary>Documents of a trace.</summary>
    public int Documents { get; init; }

    /// <summary>Tokens of each document of a trace.</summary>
    public int Tokens { get; init; }

    /// <summary>Which files of the package or directory, e.g. <c>data/*.txt</c>.</summary>
    public string Files { get; init; } = "*.txt";
}

/// <summary>A split: which of the dataset's files, sorted by file name, or of a trace's documents, make up the text.</summary>
public sealed record DatasetSplit
{
    /// <summary>Takes the files whose index leaves <see cref="At"/> when divided by this; 0 = not by index.</summary>
    public int Every { get; init; }

    /// <summary>Remainder of the index.</summary>
    public int At { get; init; }

    /// <summary>Takes every file that no other split takes.</summary>
    public bool Rest { get; init; }

    /// <summary>Path inside a downloaded zip file, instead of the source's.</summary>
    public string? Entry { get; init; }

    /// <summary>Bytes of the assembled text, if pinned.</summary>
    public long? Bytes { get; init; }

    /// <summary>SHA-256 of the assembled text, if pinned.</summary>
    public string? Sha256 { get; init; }
}
