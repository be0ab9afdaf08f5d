using QuantBench.TestKit;

namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>Finds what browser tests need on this machine.</summary>
internal static class BrowserTools
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    /// <summary>Path of the system's Chromium, or null.</summary>
    public static string? Chromium { get; } = Find();

    /// <summary>Path of axe-core, or null.</summary>
    public static string? Axe { get; } =
        AxeAt(RepositoryRoot.Combine("tests", "QuantBench.Dashboard.Browser.Tests", "axe", "node_modules", "axe-core", "axe.min.js"));

    /// <summary>Why browser tests can't run here; null when they can, or must.</summary>
    public static string? Missing =>
        Environment.GetEnvironmentVariable("QB_REQUIRE_BROWSER") is { Length: > 0 } ? null
        : Chromium is null ? "no Chromium on PATH (Debian: apt-get install chromium); QB_REQUIRE_BROWSER=1 makes this a failure"
        : Axe is null
            ? "axe-core is missing ('npm ci' in tests/QuantBench.Dashboard.Browser.Tests/axe); QB_REQUIRE_BROWSER=1 makes this a failure"
        : null;

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("QB_CHROMIUM") is { Length: > 0 } named) return named;
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return directories.SelectMany(d => s_names.Select(n => Path.Combine(d, n))).FirstOrDefault(File.Exists);
    }

    private static string? AxeAt(string path) => File.Exists(path) ? path : null;
}
