using System.Runtime.InteropServices;
using QuantBench.Core.Errors;

namespace QuantBench.Core.Files;

/// <summary>
/// What the file system says of a file without reading it. Programs can set size and time of last change as they like, but not the change
/// time, nor which file lies there; so a stamp whose <see cref="IsSure"/> holds and that is equal means equal content.
/// </summary>
/// <param name="Size">Bytes.</param>
/// <param name="ModifiedNs">Time of last change as the file claims it, nanoseconds since 1970.</param>
/// <param name="ChangedNs">The file system's own time of last change (ctime), nanoseconds since 1970; 0 where it isn't known.</param>
/// <param name="Inode">Number of the file in its file system; 0 where it isn't known.</param>
public readonly partial record struct FileStamp(long Size, long ModifiedNs, long ChangedNs, long Inode)
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const uint BasicStats = 0x7ff; // STATX_BASIC_STATS
    private const int TypeOfFile = 0xF000; // S_IFMT
    private const int PlainFile = 0x8000; // S_IFREG
    private const int Folder = 0x4000; // S_IFDIR

    /// <summary>Whether the OS told the change time, without which a replaced file can have the stamp of the old one.</summary>
    public bool IsSure => ChangedNs != 0;

    /// <summary>The stamp of a file; of a link, that of the file it leads to.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="IOException">It isn't there or can't be reached.</exception>
    public static FileStamp Of(string path)
    {
        if (OperatingSystem.IsLinux() && TryStat(path) is { } known) return known;
        using FileStream stream = File.OpenRead(path);
        return new FileStamp(stream.Length, (File.GetLastWriteTimeUtc(stream.SafeFileHandle) - DateTime.UnixEpoch).Ticks * 100, 0, 0);
    }

    /// <summary>Refuses what isn't a file with content of its own: opening a pipe waits for ever, and a device has no end.</summary>
    /// <param name="path">Its path; what isn't there is left to whoever opens it.</param>
    /// <exception cref="RequestException">It is a pipe, a socket or a device.</exception>
    public static void RequireFile(string path)
    {
        try
        {
            if (OperatingSystem.IsLinux() && StatX(CurrentDirectory, path, 0, BasicStats, out Status status) == 0
                && (status.Mode & TypeOfFile) is not (PlainFile or Folder))
                throw new RequestException($"'{path}' is a pipe or a device, not a file.", "Write its content into a file first.");
        }
        catch (EntryPointNotFoundException)
        {
            // An old C library.
        }
    }

    private static FileStamp? TryStat(string path)
    {
        try
        {
            return StatX(CurrentDirectory, path, 0, BasicStats, out Status status) == 0
                ? new FileStamp(status.Size, Nanoseconds(status.ModifiedSeconds, status.ModifiedNs),
                    Nanoseconds(status.ChangedSeconds, status.ChangedNs), status.Inode)
                : null; // opening it says why
        }
        catch (EntryPointNotFoundException)
        {
            return null; // an old C library
        }
    }

    private static long Nanoseconds(long seconds, uint nanoseconds) => unchecked((seconds * 1_000_000_000) + nanoseconds);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int directory, string path, int flags, uint mask, out Status status);

    // struct statx of linux/stat.h, the same on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Status
    {
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public long Inode;
        [FieldOffset(40)] public long Size;
        [FieldOffset(96)] public long ChangedSeconds;
        [FieldOffset(104)] public uint ChangedNs;
        [FieldOffset(112)] public long ModifiedSeconds;
        [FieldOffset(120)] public uint ModifiedNs;
    }
}
