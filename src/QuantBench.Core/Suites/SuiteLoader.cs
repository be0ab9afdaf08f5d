using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>
/// Reads and validates suites. A suite may build on another with <c>extends: base.yaml</c>: maps merge key by key, lists and scalars
/// replace what the base had, and <c>null</c> removes it. Paths of a base start from the base's own directory.
/// </summary>
public static class SuiteLoader
{
    private const int LongestChain = 8;
    private const string Extends = "extends";

    /// <summary>Reads a suite file, resolves <c>extends</c>, and validates everything.</summary>
    /// <param name="path">Path of the YAML file.</param>
    /// <param name="engines">What is known of the engines it may name.</param>
    /// <exception cref="SuiteException">Anything is wrong: the first fault, with file, line and column.</exception>
    public static Suite Load(string path, EngineCatalog engines)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(engines);
        return SuiteText.Guard(path, () =>
        {
            string text = SuiteText.Read(path, null);
            SuiteMap root = SuiteNodeReader.Read(text, path);
            if (root.Find(Extends) is not null)
            {
                root = Resolve(root, path, [Path.GetFullPath(path)]);
                text = SuiteNodeWriter.Write(root);
            }

            return new SuiteReader(root, path, text, DirectoryOf(path), engines).Read();
        });
    }

    /// <summary>Validates a suite's merged text again, as a resumed run recorded it.</summary>
    /// <param name="text">YAML text without <c>extends</c>.</param>
    /// <param name="file">Path to name in errors.</param>
    /// <param name="directory">Directory that relative paths start from.</param>
    /// <param name="engines">What is known of the engines it may name.</param>
    /// <exception cref="SuiteException">Anything is wrong.</exception>
    public static Suite Parse(string text, string file, string directory, EngineCatalog engines)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(engines);
        return SuiteText.Guard(file, () =>
        {
            SuiteMap root = SuiteNodeReader.Read(text, file);
            if (root.Find(Extends) is { } extends)
            {
                throw extends.Error("'extends' can't be resolved in a text that isn't a file",
                    "load the suite from its file, or merge the base into it");
            }

            return new SuiteReader(root, file, text, directory, engines).Read();
        });
    }

    private static SuiteMap Resolve(SuiteMap map, string path, List<string> chain)
    {
        if (map.Find(Extends) is not { } node) return map;
        if (node is not SuiteScalar { IsNull: false, Value: { Length: > 0 } name } || name.Contains('\0', StringComparison.Ordinal))
        {
            throw node.Error($"'extends' must be the path of another suite, not {node.Kind}", "e.g. extends: reference.yaml");
        }

        string basePath = Path.Combine(DirectoryOf(path), name);
        string full = Path.GetFullPath(basePath);
        if (chain.Contains(full))
            throw node.Error($"'{name}' extends this suite, directly or through others", "a suite can't build on itself");
        if (chain.Count >= LongestChain) throw node.Error($"more than {LongestChain} suites extend one another");
        SuiteMap below = Resolve(SuiteNodeReader.Read(SuiteText.Read(basePath, node), basePath), basePath, [.. chain, full]);
        below = SuiteMerge.Rebase(below, DirectoryOf(basePath), DirectoryOf(path));
        SuiteMap merged = SuiteMerge.Merge(below, map with { Entries = [.. map.Entries.Where(e => e.Key.Value != Extends)] });
        if (merged.Count > SuiteNodeReader.MostNodes)
            throw node.Error($"the merged suite holds more than {SuiteNodeReader.MostNodes} values");
        return merged;
    }

    // Relative when the path is, so that messages name files as the user did.
    private static string DirectoryOf(string path) => Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : ".";
}
