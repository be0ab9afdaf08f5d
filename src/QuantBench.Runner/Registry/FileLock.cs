namespace QuantBench.Runner.Registry;

/// <summary>An exclusive lock between processes on a file; the OS gives it back when the holder dies.</summary>
public sealed class FileLock : IDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _stream;

    private FileLock(FileStream stream) => _stream = stream;

    /// <summary>Waits until the lock is free and takes it.</summary>
    /// <param name="path">Path of the lock file; made when missing, never deleted (a deleted lock file could be locked twice).</param>
    /// <param name="clock">For the pauses between tries.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public static async Task<FileLock> TakeAsync(string path, TimeProvider clock, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryTake(path) is { } taken) return taken;
            await Task.Delay(s_retry, clock, cancellationToken);
        }
    }

    /// <summary>Takes the lock if it is free.</summary>
    /// <param name="path">Path of the lock file.</param>
    /// <returns>Null when another holder has it.</returns>
    public static FileLock? TryTake(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".");
        try
        {
            return new FileLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e)
            when (e is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
