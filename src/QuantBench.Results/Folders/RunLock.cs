using System.Diagnostics;
using System.Globalization;
using QuantBench.Core.Errors;

namespace QuantBench.Results.Folders;

/// <summary>
/// Keeps a second runner off a run's folder. The lock is the operating system's on the open <c>run.lock</c>, which goes with the process
/// however it ends, so a dead runner's lock is free at once and no process id has to be judged. <c>run.lock.pid</c> only names the owner.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private const string LockFile = "run.lock";
    private const string OwnerFile = "run.lock.pid";

    private readonly FileStream _stream;
    private readonly string _ownerPath;

    private RunLock(FileStream stream, string ownerPath) => (_stream, _ownerPath) = (stream, ownerPath);

    public static RunLock Take(string folder)
    {
        string ownerPath = Path.Combine(folder, OwnerFile);
        FileStream stream;
        try
        {
            stream = new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None,
                bufferSize: 0);
        }
        catch (IOException e) when (!DiskFault.IsFull(e))
        {
            throw new StoreException(
                $"{folder}: another QuantBench writes this run{Owner(ownerPath)}.",
                "Wait until it has finished, or stop it; then try again.", e);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            throw DiskFault.Store($"{folder}: can't be locked", e);
        }

        try
        {
            File.WriteAllText(ownerPath, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // The note is a courtesy to whoever meets the lock; the lock itself is held.
        }

        return new RunLock(stream, ownerPath);
    }

    public void Dispose()
    {
        try
        {
            File.Delete(_ownerPath);
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // A left-over note is overwritten by the next owner.
        }

        // The lock file stays: deleting it would let two processes lock two files of the same name.
        _stream.Dispose();
    }

    /// <summary>The process that holds the lock, as its note says, if that process lives.</summary>
    public static int? LivingOwner(string folder)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(folder, OwnerFile));
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && IsAlive(pid) ? pid : null;
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            // No note: nobody writes.
            return null;
        }
    }

    /// <summary>Whether a process of this machine runs.</summary>
    public static bool IsAlive(int pid)
    {
        try
        {
            using Process process = Process.GetProcessById(pid);
            return !process.HasExited;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    private static string Owner(string ownerPath)
    {
        try
        {
            string text = File.ReadAllText(ownerPath);
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? $" (process {pid})" : "";
        }
        catch (Exception e) when (DiskFault.Is(e))
        {
            return "";
        }
    }
}
