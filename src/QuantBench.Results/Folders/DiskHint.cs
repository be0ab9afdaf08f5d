namespace QuantBench.Results.Folders;

/// <summary>The next step after a failed write.</summary>
internal static class DiskHint
{
    private const int NoSpaceUnix = 28;
    private const int QuotaUnix = 122;
    private const int DiskFullWindows = unchecked((int)0x80070070);

    // .NET puts the raw errno into HResult on Unix.
    public static bool IsDiskFull(Exception e) => e is IOException && e.HResult is NoSpaceUnix or QuotaUnix or DiskFullWindows;

    public static string For(Exception e) => IsDiskFull(e)
        ? "The disk or quota is full: free some space, then go on with 'quantbench resume'. Cells finished so far are safe."
        : "Check that the results directory exists and is writable, or name another with --results.";
}
