using QuantBench.Core.Errors;

namespace QuantBench.Runner.Runs;

/// <summary>
/// Keeps runners of one machine out of each other's timings: whoever times something holds a file alone, whoever measures quality shares
/// it. The OS gives it back when the holder dies.
/// </summary>
internal sealed class MachineLock : IDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(200);

    private readonly FileStream _stream;

    private MachineLock(FileStream stream) => _stream = stream;

    /// <summary>Waits until the lock can be had.</summary>
    /// <param name="path">The file; made when missing. Null = no lock is wanted.</param>
    /// <param name="alone">Whether nobody else may measure meanwhile.</param>
    /// <param name="clock">For the pauses between tries.</param>
    /// <param name="waiting">Called once when it isn't free.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Null when no lock is wanted, or the file can't be used here.</returns>
    public static async Task<MachineLock?> TakeAsync(string? path, bool alone, TimeProvider clock, Action waiting,
        CancellationToken cancellationToken)
    {
        if (path is null) return null;
        for (bool said = false; ; said = true)
        {
            try
            {
                if (TryTake(path, alone) is { } taken) return taken;
            }
            catch (Exception e) when (DiskFault.Is(e))
            {
                return null; // another user's file, or no place for it: the timings themselves tell when they were disturbed
            }

            if (!said) waiting();
            await Task.Delay(s_retry, clock, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static MachineLock? TryTake(string path, bool alone)
    {
        // Read only, and not made anew when it is there: another user's file in a shared directory can't be had otherwise.
        FileMode mode = File.Exists(path) ? FileMode.Open : FileMode.OpenOrCreate;
        try
        {
            return new MachineLock(new FileStream(path, mode, FileAccess.Read, alone ? FileShare.None : FileShare.Read));
        }
        catch (IOException e)
            when (e is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }
}
