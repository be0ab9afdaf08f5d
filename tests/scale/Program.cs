using System.Diagnostics;
using System.Globalization;
using QuantBench.Results.Store;
using QuantBench.TestKit.Databases;

namespace QuantBench.Scale;

/// <summary>Times the real command on made runs.</summary>
internal static class Program
{
    private const int Repetitions = 5;
    private const double MostSeconds = 1;
    private const double MostMegabytes = 500;

    private static int Main(string[] args)
    {
        if (args is not [{ } command, { } directory, "commands" or "dashboard" or "sqlite" or "postgres"])
        {
            Console.Error.WriteLine("usage: QuantBench.Scale COMMAND DIR commands|dashboard|sqlite|postgres; see tests/scale/run.sh");
            return 64;
        }

        if (args[2] == "commands") return Commands(command, directory);
        int sqlite = args[2] == "postgres" ? 0 : DashboardScale.Measure(command, directory, store: null);
        return args[2] == "sqlite" ? sqlite
            : sqlite
                | DashboardScale.Measure(command, directory,
                    Environment.GetEnvironmentVariable(StoreAddress.Variable) is { Length: > 0 } named ? named : ThrowAway());
    }

    // Made for this measurement, syncing to its disk.
    private static string ThrowAway()
    {
        if (PostgresServer.Missing is { } why) throw new InvalidOperationException(why);
        PostgresServer server = PostgresServer.StartDurable();
        return server.AddressOf(server.NewDatabase());
    }

    private static int Commands(string command, string directory)
    {
        string lab = Path.Combine(directory, "lab");
        string pair = Path.Combine(directory, "pair");
        Generator.Make(lab, runs: 50, cells: 2_000);
        Generator.Make(pair, runs: 2, cells: 50_000);
        string sink = Path.Combine(directory, "out");
        bool good = true;
        foreach ((string what, string root, string[] line) in ((string, string, string[])[])
        [
            ("compare, 2 of 50 runs of 2,000 cells", lab, ["compare", "run-000", "run-049"]),
            ("pareto, one run of 2,000 cells", lab, ["pareto", "run-049"]),
            ("trend, tg_tps over 50 runs (500 series)", lab, ["trend", "tg_tps"]),
            ("compare, 2 runs of 50,000 cells", pair, ["compare", "run-000", "run-001"]),
            ("compare, the same, all 112,500 rows as CSV", pair, ["compare", "run-000", "run-001", "--format", "csv"]),
            ("pareto, one run of 50,000 cells", pair, ["pareto", "run-001"]),
            ("pareto, the same, all 12,500 rows as CSV", pair, ["pareto", "run-001", "--format", "csv"]),
            ("trend, tg_tps over 2 runs (12,500 series)", pair, ["trend", "tg_tps"]),
        ])
        {
            (double Seconds,
                double Megabytes)[] runs = [
                    .. Enumerable.Range(0, Repetitions).Select(_ => Run(command, [.. line, "--results", root, "--out", sink]))];
            double seconds = runs.Select(r => r.Seconds).Order().ElementAt(Repetitions / 2);
            double megabytes = runs.Max(r => r.Megabytes);
            bool kept = seconds < MostSeconds && megabytes < MostMegabytes;
            good &= kept;
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"{what}: {seconds:F2} s, {megabytes:F0} MB{(kept ? "" : "   MISSED: 1 s, 500 MB")}"));
        }

        return good ? 0 : 1;
    }

    private static (double Seconds, double Megabytes) Run(string command, string[] arguments)
    {
        var info = new ProcessStartInfo(command) { RedirectStandardError = true };
        foreach (string argument in arguments) info.ArgumentList.Add(argument);
        long start = Stopwatch.GetTimestamp();
        using Process process = Process.Start(info) ?? throw new InvalidOperationException($"{command} can't be started");
        double kilobytes = 0;
        // The kernel's own high-water mark, read until the process is gone.
        while (!process.WaitForExit(4)) kilobytes = Math.Max(kilobytes, ProcessMemory.Kilobytes(process.Id, "VmHWM"));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (process.ExitCode != 0)
            throw new InvalidOperationException(
                $"{string.Join(' ', arguments)}: exit code {process.ExitCode}: {process.StandardError.ReadToEnd()}");
        return (seconds, kilobytes / 1000);
    }
}
