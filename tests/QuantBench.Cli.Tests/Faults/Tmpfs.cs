using System.Diagnostics;

namespace QuantBench.Cli.Tests.Faults;

/// <summary>A small file system in memory, so that a full disk can be had on purpose. Needs the right to mount.</summary>
internal sealed class Tmpfs : IDisposable
{
    private readonly string _path;

    private Tmpfs(string path) => _path = path;

    public static Tmpfs Mount(string path, string size)
    {
        int code = Run("mount", "-t", "tmpfs", "-o", $"size={size}", "quantbench-test", path);
        return code == 0 ? new Tmpfs(path) : throw new InvalidOperationException($"mount ended with {code}");
    }

    public static string? WhyNot()
    {
        if (!OperatingSystem.IsLinux()) return "a tmpfs can only be mounted on Linux";
        string probe = Directory.CreateTempSubdirectory("quantbench-tmpfs-").FullName;
        try
        {
            Mount(probe, "16k").Dispose();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return "a tmpfs can't be mounted here (root is needed)";
        }
        finally
        {
            Directory.Delete(probe);
        }
    }

    public void Dispose() => _ = Run("umount", "-l", _path);

    private static int Run(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardError = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{file} didn't start");
        process.WaitForExit();
        return process.ExitCode;
    }
}

/// <summary>A fact that needs the right to mount; where it is missing the test is skipped with the reason, or fails if QB_REQUIRE_TMPFS is
/// set.</summary>
internal sealed class TmpfsFactAttribute : FactAttribute
{
    public TmpfsFactAttribute()
    {
        if (Environment.GetEnvironmentVariable("QB_REQUIRE_TMPFS") is null) Skip = Tmpfs.WhyNot();
    }
}
