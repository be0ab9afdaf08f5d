using QuantBench.Core.Engines;
using QuantBench.Results.Store;

namespace QuantBench.Lab;

/// <summary>Where the lab's things lie.</summary>
public sealed record LabOptions
{
    /// <summary>Directory of run folders and <c>lab.db</c>.</summary>
    public required string ResultsRoot { get; init; }

    /// <summary>Which database holds the results store; accounts, keys, schedules and the audit log are always in <c>lab.db</c>.</summary>
    public StoreAddress Store { get; init; } = StoreAddress.Default;

    /// <summary>Directory of suites.</summary>
    public required string SuitesDirectory { get; init; }

    /// <summary>Directory of the installation's texts and models; null for <c>datasets</c> beside <see cref="SuitesDirectory"/>.</summary>
    public string? DatasetsDirectory { get; init; }

    /// <summary>Directory of artifacts.</summary>
    public required string CacheRoot { get; init; }

    /// <summary>What is known of the engines that suites name.</summary>
    public EngineCatalog Engines { get; init; } = EngineCatalog.None;

    /// <summary>The file of claims beside the suites.</summary>
    public string ClaimsFile => Path.Combine(SuitesDirectory, "claims.yaml");

    /// <summary>Absolute paths of the suites, by name.</summary>
    public IReadOnlyList<string> SuiteFiles() => Files(SuitesDirectory, f => Path.GetFileName(f) != Path.GetFileName(ClaimsFile));

    /// <summary>Absolute paths of the profiles, by name.</summary>
    public IReadOnlyList<string> ProfileFiles() => Files(Path.Combine(SuitesDirectory, "profiles"), _ => true);

    /// <summary>The file of a suite by its name, or null; a name with a directory in it is no name.</summary>
    /// <param name="name">File name without <c>.yaml</c>.</param>
    public string? SuiteFile(string name) => SuiteFiles().FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) == name);

    private static IReadOnlyList<string> Files(string directory, Func<string, bool> keep) => Directory.Exists(directory)
        ? [.. Directory.EnumerateFiles(directory, "*.yaml").Where(keep).Select(Path.GetFullPath).Order(StringComparer.Ordinal)]
        : [];
}
