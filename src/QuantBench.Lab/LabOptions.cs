namespace QuantBench.Lab;

/// <summary>Where the lab's things lie.</summary>
public sealed record LabOptions
{
    /// <summary>Directory of run folders and <c>lab.db</c>.</summary>
    public required string ResultsRoot { get; init; }

    /// <summary>Directory of suites.</summary>
    public required string SuitesDirectory { get; init; }

    /// <summary>Directory of artifacts.</summary>
    public required string CacheRoot { get; init; }

    /// <summary>Absolute paths of the suites, by name.</summary>
    public IReadOnlyList<string> SuiteFiles() => Directory.Exists(SuitesDirectory)
        ? [.. Directory.EnumerateFiles(SuitesDirectory, "*.yaml").Select(Path.GetFullPath).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>The file of a suite by its name, or null; a name with a directory in it is no name.</summary>
    /// <param name="name">File name without <c>.yaml</c>.</param>
    public string? SuiteFile(string name) => SuiteFiles().FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) == name);
}
