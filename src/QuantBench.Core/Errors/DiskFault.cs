namespace QuantBench.Core.Errors;

/// <summary>Faults of files and directories: which exceptions they are, and the errors they become.</summary>
public static class DiskFault
{
    private const int NoSpaceUnix = 28;
    private const int QuotaUnix = 122;
    private const int DiskFullWindows = unchecked((int)0x80070070);

    /// <summary>Whether a file or directory is the cause: missing, locked, forbidden, on a full disk or a broken one.</summary>
    public static bool Is(Exception e) => e is IOException or UnauthorizedAccessException;

    /// <summary>Whether the disk or the quota is full.</summary>
    public static bool IsFull(Exception e) =>
        // .NET puts the raw errno into HResult on Unix.
        e is IOException && e.HResult is NoSpaceUnix or QuotaUnix or DiskFullWindows;

    /// <summary>Does work on files; a fault is the fault of what was asked for.</summary>
    /// <param name="what">What then can't be done, with the place; the cause follows behind a colon.</param>
    /// <param name="hint">What to do next.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="RequestException">The disk refused.</exception>
    public static T AsRequest<T>(string what, string hint, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        try
        {
            return work();
        }
        catch (Exception e) when (Is(e))
        {
            throw new RequestException($"{what}: {e.Message}", hint, e);
        }
    }

    /// <inheritdoc cref="AsRequest{T}(string, string, Func{T})"/>
    public static void AsRequest(string what, string hint, Action work) => AsRequest(what, hint, Returning(work));

    /// <summary>Does work on files of the results or the cache; a fault is theirs.</summary>
    /// <param name="what">What then can't be done, with the place; the cause follows behind a colon.</param>
    /// <param name="hint">What to do next; null for what helps the results directory.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="StoreException">The disk refused.</exception>
    public static T AsStore<T>(string what, string? hint, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        try
        {
            return work();
        }
        catch (Exception e) when (Is(e))
        {
            throw Store(what, e, hint);
        }
    }

    /// <inheritdoc cref="AsStore{T}(string, string, Func{T})"/>
    public static void AsStore(string what, string? hint, Action work) => AsStore(what, hint, Returning(work));

    /// <summary>What a fault of the results or the cache becomes, for callers that must put something right first.</summary>
    /// <param name="what">What can't be done, with the place.</param>
    /// <param name="e">The cause.</param>
    /// <param name="hint">What to do next; null for what helps the results directory.</param>
    public static StoreException Store(string what, Exception e, string? hint = null) => new(
        $"{what}: {e.Message}",
        hint ?? (IsFull(e)
            ? "The disk or quota is full: free some space, then go on with 'quantbench resume'. Cells finished so far are safe."
            : "Check that the results directory exists and is writable, or name another with --results."),
        e);

    private static Func<bool> Returning(Action work) => () =>
    {
        work();
        return true;
    };
}
