namespace QuantBench.TestKit;

/// <summary>The repository the tests run from.</summary>
public static class RepositoryRoot
{
    /// <summary>Absolute path of the directory that holds <c>QuantBench.sln</c>.</summary>
    public static string Directory { get; } = Find();

    /// <summary>Path of something in the repository.</summary>
    /// <param name="parts">Names on the way there.</param>
    public static string Combine(params ReadOnlySpan<string> parts) => Path.Combine([Directory, .. parts]);

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "QuantBench.sln"))) return directory.FullName;
        }

        throw new InvalidOperationException($"QuantBench.sln is not above {AppContext.BaseDirectory}");
    }
}
