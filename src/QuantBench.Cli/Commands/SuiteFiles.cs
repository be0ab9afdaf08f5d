using QuantBench.Core.Errors;

namespace QuantBench.Cli.Commands;

/// <summary>Finds suite files.</summary>
internal static class SuiteFiles
{
    /// <summary>Every suite of the installation.</summary>
    /// <param name="root">Root of the installation.</param>
    public static string[] List(string root)
    {
        string directory = Path.Combine(root, "suites");
        return Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory, "*.yaml").Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>The file that a user means.</summary>
    /// <param name="root">Root of the installation.</param>
    /// <param name="text">A path, or the name of a suite in <c>suites/</c>.</param>
    /// <exception cref="RequestException">There is none.</exception>
    public static string Find(string root, string text)
    {
        if (File.Exists(text)) return Path.GetFullPath(text);
        string named = Path.Combine(root, "suites", text.EndsWith(".yaml", StringComparison.Ordinal) ? text : $"{text}.yaml");
        if (!text.Contains('/', StringComparison.Ordinal) && File.Exists(named)) return named;
        string known = string.Join(", ", List(root).Select(Path.GetFileNameWithoutExtension));
        throw new RequestException($"there is no suite file '{text}'.", known.Length > 0 ? $"Suites here: {known}." : "Give the path of a YAML file.");
    }
}
