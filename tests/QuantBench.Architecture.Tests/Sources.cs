using QuantBench.TestKit;

namespace QuantBench.Architecture.Tests;

/// <summary>Files of this repository that people wrote.</summary>
internal static class Sources
{
    private static readonly string[] s_made = ["obj", "bin", "node_modules"];

    /// <summary>The files below a folder of the repository.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="endings">How their names end.</param>
    public static IEnumerable<(string Relative, string Text)> Of(string folder, params string[] endings)
    {
        string root = RepositoryRoot.Combine(folder);
        return Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Where(f => endings.Any(e => f.EndsWith(e, StringComparison.Ordinal)))
            .Select(f => (Path: f, Relative: Path.GetRelativePath(root, f).Replace('\\', '/')))
            .Where(f => !f.Relative.Split('/').Any(s_made.Contains))
            .Select(f => (f.Relative, File.ReadAllText(f.Path)));
    }
}
