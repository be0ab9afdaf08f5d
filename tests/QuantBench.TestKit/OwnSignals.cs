using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBench.TestKit;

/// <summary>
/// Ctrl-C reaches the processes that tests start, however the tests themselves were started: a shell ignores it for what it runs in the
/// background, and processes inherit that.
/// </summary>
public static partial class OwnSignals
{
    private const int Interrupt = 2;

    /// <summary>Whether this process ignores Ctrl-C, and so would those it starts; false where nobody tells.</summary>
    public static bool IgnoresInterrupt => File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } line
        && (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) >> (Interrupt - 1) & 1) != 0;

#pragma warning disable CA2255 // The attribute is for applications: a test's process is one, and its children inherit this.
    [ModuleInitializer]
    internal static void Restore()
    {
        if (IgnoresInterrupt) _ = Signal(Interrupt, nint.Zero); // SIG_DFL
    }
#pragma warning restore CA2255

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int signal, nint handler);
}
