using System.Runtime.InteropServices;

namespace QuantBench.Runner.Workers;

/// <summary>The few calls that .NET has no name for.</summary>
internal static partial class Libc
{
    private const int ReadOnlyDirectory = 0x10000; // O_RDONLY | O_DIRECTORY on Linux

    /// <summary>
    /// Takes the process's standard output for the protocol alone: native libraries that print go to standard error from now on.
    /// </summary>
    /// <returns>A stream to what standard output was; null where that can't be done (Windows).</returns>
    public static FileStream? TakeStandardOutput()
    {
        if (OperatingSystem.IsWindows()) return null;
        int copy = Dup(1);
        if (copy < 0 || Dup2(2, 1) < 0) return null;
        return new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(copy, ownsHandle: true), FileAccess.Write, bufferSize: 0);
    }

    /// <summary>Makes a rename inside a directory durable. Does nothing where the OS can't.</summary>
    /// <param name="path">The directory.</param>
    public static void SyncDirectory(string path)
    {
        if (!OperatingSystem.IsLinux()) return;
        int descriptor = Open(path, ReadOnlyDirectory);
        if (descriptor < 0) return;
        _ = FSync(descriptor);
        _ = Close(descriptor);
    }

    /// <summary>Ends this process at once: no finalizers, no handlers, no wait for native threads.</summary>
    /// <param name="code">Exit code.</param>
    public static void ExitNow(int code)
    {
        if (OperatingSystem.IsWindows()) Environment.Exit(code);
        UnderscoreExit(code);
    }

    [LibraryImport("libc", EntryPoint = "dup", SetLastError = true)]
    private static partial int Dup(int descriptor);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Dup2(int from, int to);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void UnderscoreExit(int code);
}
