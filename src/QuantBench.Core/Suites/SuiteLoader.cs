namespace QuantBench.Core.Suites;

/// <summary>Reads and validates suites.</summary>
public static class SuiteLoader
{
    /// <summary>Reads a suite file, resolves <c>extends</c>, and validates everything.</summary>
    /// <param name="path">Path of the YAML file.</param>
    /// <exception cref="Errors.SuiteException">Anything is wrong: the first fault, with file, line and column.</exception>
    public static Suite Load(string path) => throw new InvalidOperationException(path);

    /// <summary>Validates a suite's merged text again, as a resumed run recorded it.</summary>
    /// <param name="text">YAML text without <c>extends</c>.</param>
    /// <param name="file">Path to name in errors.</param>
    /// <param name="directory">Directory that relative paths start from.</param>
    /// <exception cref="Errors.SuiteException">Anything is wrong.</exception>
    public static Suite Parse(string text, string file, string directory) => throw new InvalidOperationException(text + file + directory);
}
