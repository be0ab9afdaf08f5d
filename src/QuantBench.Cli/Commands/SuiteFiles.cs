using QuantBench.Core.Errors;

namespace QuantBench.Cli.Commands;

/// <summary>Finds suite files.</summary>
internal static class SuiteFiles
{
    /// <summary>Name of the file of claims beside the suites.</summary>
    public const string ClaimsFile = "claims.yaml";

    private const string ProfilesFolder = "profiles";

    /// <summary>Every suite of the installation.</summary>
    /// <param name="root">Root of the installation.</param>
    public static string[] List(string root)
    {
        string directory = Path.Combine(root, "suites");
        return Directory.Exists(directory)
            ? [.. Directory.EnumerateFiles(directory, "*.yaml").Where(f => Path.GetFileName(f) != ClaimsFile).Order(StringComparer.Ordinal)]
            : [];
    }

    /// <summary>The installation's own claims.</summary>
    /// <param name="root">Root of the installation.</param>
    public static string Claims(string root) => Path.Combine(root, "suites", ClaimsFile);

    /// <summary>The file of a profile: a path, or a name in <c>suites/profiles/</c>.</summary>
    /// <param name="root">Root of the installation.</param>
    /// <param name="text">What the user wrote.</param>
    /// <exception cref="RequestException">There is none.</exception>
    public static string Profile(string root, string text)
    {
        if (File.Exists(text)) return Path.GetFullPath(text);
        string named = Path.Combine(root, "suites", ProfilesFolder, $"{text}.yaml");
        if (!text.Contains('/', StringComparison.Ordinal) && File.Exists(named)) return named;
        throw new RequestException($"there is no profile '{text}'.", DidYouMean.Hint(text, Profiles(root), "profiles"));
    }

    /// <summary>Names of the installation's profiles.</summary>
    /// <param name="root">Root of the installation.</param>
    public static string[] Profiles(string root)
    {
        string directory = Path.Combine(root, "suites", ProfilesFolder);
        return Directory.Exists(directory)
            ? [.. Directory.EnumerateFiles(directory, "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f))
                .Order(StringComparer.Ordinal)] : [];
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
        throw new RequestException($"there is no suite file '{text}'.",
            known.Length > 0 ? $"Suites here: {known}." : "Give the path of a YAML file.");
    }
}
