namespace QuantBench.Microbenchmarks.Composition;

/// <summary>Where things lie.</summary>
internal static class Installation
{
    /// <summary>Root of the checkout; the current directory outside of one.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Directory of run folders.</summary>
    public static string Results { get; } = Environment.GetEnvironmentVariable("QUANTBENCH_KERNEL_RESULTS") is { Length: > 0 } named
        ? Path.GetFullPath(named)
        : Path.Combine(Root, "results");

    /// <summary>Directory of BenchmarkDotNet's own logs and tables.</summary>
    public static string Artifacts { get; } = Path.Combine(Root, ".cache", "benchmarks");

    private static string FindRoot()
    {
        if (Environment.GetEnvironmentVariable("QUANTBENCH_ROOT") is { Length: > 0 } named) return Path.GetFullPath(named);
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "QuantBench.sln"))) return at.FullName;
        }

        return Directory.GetCurrentDirectory();
    }
}
