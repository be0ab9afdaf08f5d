namespace QuantBench.TestKit;

/// <summary>A fresh directory that goes away with the test.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    /// <summary>Makes the directory.</summary>
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("quantbench-").FullName;

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Path of something inside.</summary>
    /// <param name="name">Its name.</param>
    public string Combine(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file inside.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="bytes">Its content.</param>
    /// <returns>Its path.</returns>
    public string Write(string name, byte[] bytes)
    {
        string path = Combine(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>Removes the directory and what is in it.</summary>
    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A file that is still mapped can't go on some systems; the machine clears its temporary files.
        }
    }
}
