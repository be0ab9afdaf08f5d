using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using QuantBench.Results.Exchange;
using QuantBench.Results.Store;

namespace QuantBench.Scale;

/// <summary>Times the dashboard's pages in Chromium on 1,000 runs, its memory under 50 readers, and the upload of a run.</summary>
internal static class DashboardScale
{
    private const int Loads = 20;
    private const int Readers = 50;
    private const double MostMilliseconds = 300;
    private const double MostMegabytes = 400;
    private const double MostUploadSeconds = 5;

    // Pages with a live part: the time until it is connected is printed too.
    private static readonly (string Path, bool Live)[] s_pages =
    [
        ("/", true), ("/runs", true), ("/runs?model=model-001&sort=cells", true), ("/runs/run-999", false),
        ("/runs/run-999?metric=kl_mean", false), ("/compare?a=run-998&b=run-999", false),
        ("/decide?profile=laptop&run=run-999", false), ("/trends", false), ("/trends?metric=perplexity&days=30", false),
        ("/claims?run=run-999", false), ("/machines", false), ("/machines/machine", false),
        ("/models", false), ("/models/model-001", false), ("/suites", false), ("/settings", false),
    ];

    /// <summary>Measures and prints.</summary>
    /// <param name="command">The command.</param>
    /// <param name="directory">Where the made runs lie.</param>
    /// <param name="store">Address of the store; null = SQLite.</param>
    /// <returns>0 when every target is met.</returns>
    public static int Measure(string command, string directory, string? store)
    {
        Console.WriteLine(store is null ? "# SQLite" : "# PostgreSQL");
        string root = Path.Combine(directory, "dashboard");
        Generator.Make(root, runs: 1_000, cells: 200, samples: 10, recent: true);
        if (store is not null) Generator.Fill(root, store);
        Environment.SetEnvironmentVariable(StoreAddress.Variable, store ?? "sqlite"); // the server's
        return MeasureAsync(command, directory, root, CancellationToken.None).GetAwaiter().GetResult();
    }

    private static async Task<int> MeasureAsync(string command, string directory, string root, CancellationToken stop)
    {
        (Process server, Uri address) = Start(command, root);
        using Process _ = server;
        try
        {
            bool good = true;
            using (Chromium browser = await Chromium.StartAsync(stop))
            {
                using ChromiumTab tab = await browser.OpenAsync(stop);
                // scripts and sheet are in the browser's cache from here on
                await tab.OpenAsync(new Uri(address, "/login").ToString(), live: false, stop);
                foreach ((string path, bool live) in s_pages)
                {
                    string page = new Uri(address, path).ToString();
                    (double first, double _) = await tab.OpenAsync(page, live, stop);
                    List<(double Page, double Live)> loads = [];
                    for (int i = 0; i < Loads; i++) loads.Add(await tab.OpenAsync(page, live, stop));
                    double p95 = Quantile(loads.Select(l => l.Page), 0.95);
                    good &= p95 <= MostMilliseconds;
                    double median = Quantile(loads.Select(l => l.Page), 0.5);
                    string connected = live ? Line($", connected p95 {Quantile(loads.Select(l => l.Live), 0.95):F0} ms") : "";
                    Console.WriteLine(
                        Line($"{path}: first {first:F0}, median {median:F0}, p95 {p95:F0} ms{connected}{Mark(p95 <= MostMilliseconds)}"));
                }

                Console.WriteLine(Line($"resident after the pages: {ProcessMemory.Kilobytes(server.Id, "VmRSS") / 1000:F0} MB"));
                List<ChromiumTab> readers = [];
                for (int i = 0; i < Readers; i++)
                {
                    readers.Add(await browser.OpenAsync(stop));
                    await readers[^1].OpenAsync(new Uri(address, "/runs").ToString(), live: true, stop);
                }

                double resident = ProcessMemory.Kilobytes(server.Id, "VmRSS") / 1000;
                good &= resident <= MostMegabytes;
                double highest = ProcessMemory.Kilobytes(server.Id, "VmHWM") / 1000;
                string mark = Mark(resident <= MostMegabytes);
                Console.WriteLine(Line($"resident with {Readers} connected readers: {resident:F0} MB, highest ever {highest:F0} MB{mark}"));
                foreach (ChromiumTab reader in readers) reader.Dispose();
            }

            double seconds = await UploadAsync(command, directory, root, address, stop);
            good &= seconds <= MostUploadSeconds;
            Console.WriteLine(Line($"upload of a run of 1,000 cells: {seconds:F2} s{Mark(seconds <= MostUploadSeconds)}"));
            return good ? 0 : 1;
        }
        finally
        {
            server.Kill();
        }
    }

    private static (Process Server, Uri Address) Start(string command, string root)
    {
        var info = new ProcessStartInfo(command) { RedirectStandardOutput = true };
        foreach (string argument in (string[])["dashboard", "--results", root, "--port", "0"]) info.ArgumentList.Add(argument);
        Process server = Process.Start(info) ?? throw new InvalidOperationException($"{command} can't be started");
        while (server.StandardOutput.ReadLine() is { } line)
        {
            if (!line.StartsWith("dashboard: ", StringComparison.Ordinal)) continue;
            _ = server.StandardOutput.ReadToEndAsync(); // what it says later must not fill the pipe
            return (server, new Uri(line["dashboard: ".Length..].Trim()));
        }

        throw new InvalidOperationException("the dashboard ended before it listened");
    }

    private static async Task<double> UploadAsync(string command, string directory, string root, Uri address, CancellationToken stop)
    {
        // A run of its own each time: one that is there already would cost nothing.
        string prefix = $"upload-{DateTime.UtcNow.Ticks.ToString(CultureInfo.InvariantCulture)}";
        string made = Path.Combine(directory, prefix);
        Generator.Make(made, runs: 1, cells: 1_000, samples: 10, recent: true, prefix: prefix);
        using var bundle = new MemoryStream();
        RunBundle.Write(Path.Combine(made, $"{prefix}-000"), bundle);
        Directory.Delete(made, recursive: true);
        using var http = new HttpClient { BaseAddress = address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await KeyAsync(command, root, stop));
        using var body = new ByteArrayContent(bundle.ToArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/zip");
        long start = Stopwatch.GetTimestamp();
        using HttpResponseMessage answer = await http.PostAsync(new Uri("/api/v1/runs", UriKind.Relative), body, stop);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"upload: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(stop)}");
        return seconds;
    }

    private static async Task<string> KeyAsync(string command, string root, CancellationToken stop)
    {
        var info = new ProcessStartInfo(command) { RedirectStandardOutput = true };
        foreach (string argument in (string[])["keys", "add", $"scale-{Environment.ProcessId}", "--role", "operator", "--results", root])
            info.ArgumentList.Add(argument);
        using Process process = Process.Start(info) ?? throw new InvalidOperationException($"{command} can't be started");
        string text = await process.StandardOutput.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);
        return text.Trim().Split('\n')[0].Trim();
    }

    private static double Quantile(IEnumerable<double> values, double q)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Clamp((int)Math.Ceiling(q * sorted.Length) - 1, 0, sorted.Length - 1)];
    }

    private static string Mark(bool kept) => kept ? "" : "   MISSED";

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
