namespace QuantBench.TestKit;

/// <summary>A copy of the results that an earlier build wrote; see <c>tests/compatibility/README.md</c>.</summary>
public sealed class EarlierResults : IDisposable
{
    /// <summary>The run of every kind of cell.</summary>
    public const string First = "20261130-103450-compat-8bb7";

    /// <summary>A part of it, measured again.</summary>
    public const string Second = "20261130-104039-compat-5da5";

    private readonly TemporaryDirectory _directory = new();

    /// <summary>Copies them.</summary>
    public EarlierResults()
    {
        string from = RepositoryRoot.Combine("tests", "compatibility", "results");
        foreach (string file in System.IO.Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string to = _directory.Combine(Path.GetRelativePath(from, file));
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(to)!); // under the directory
            File.Copy(file, to);
        }
    }

    /// <summary>The results root.</summary>
    public string Directory => _directory.Path;

    /// <summary>Path of what the earlier build made of the results.</summary>
    /// <param name="name">Name of the file.</param>
    public static string Golden(string name) => RepositoryRoot.Combine("tests", "compatibility", "golden", name);

    /// <summary>Path of a run's file.</summary>
    /// <param name="run">The run.</param>
    /// <param name="name">Name of the file.</param>
    public string FileOf(string run, string name) => Path.Combine(Directory, run, name);

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();
}
