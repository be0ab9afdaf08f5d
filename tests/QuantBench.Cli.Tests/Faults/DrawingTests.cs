using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using QuantBench.Cli.Tests.Commands;
using Xunit.Abstractions;

namespace QuantBench.Cli.Tests.Faults;

/// <summary>Many readers at once look at every kind of figure, while the process that draws is killed under them.</summary>
public sealed class DrawingTests(StoredRuns stored, ITestOutputHelper output) : IClassFixture<StoredRuns>
{
    private const int Readers = 32;
    private static readonly string[] s_metrics = ["tg_tps", "pp_tps", "ppl_rise", "perplexity", "rss_peak", "ttft", "artifact_size"];

    // The real thing needs minutes: QB_DRAWING_SECONDS=180.
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(
        int.TryParse(Environment.GetEnvironmentVariable("QB_DRAWING_SECONDS"), CultureInfo.InvariantCulture, out int seconds) ? seconds
            : 8);

    [Fact]
    public async Task Server_Survives_ManyReadersOfFigures_AndTheDeathOfWhatDraws()
    {
        using LiveCommand server = LiveCommand.Start("dashboard", "--port", "0", "--results", stored.Path);
        string line = await server.LineAsync(l => l.StartsWith("dashboard:", StringComparison.Ordinal));
        using var client = new HttpClient { BaseAddress = new Uri(line["dashboard:".Length..].Trim()) };
        var wrong = new ConcurrentQueue<string>();
        var took = new ConcurrentBag<double>();
        int asked = 0;
        TimeProvider clock = TimeProvider.System;
        long start = clock.GetTimestamp();

        async Task ReadAsync()
        {
            while (clock.GetElapsedTime(start) < s_duration)
            {
                string address = Address(Interlocked.Increment(ref asked));
                long began = clock.GetTimestamp();
                using HttpResponseMessage answer = await client.GetAsync(address);
                took.Add(clock.GetElapsedTime(began).TotalMilliseconds);
                string text = address.Contains(".png", StringComparison.Ordinal) ? "" : await answer.Content.ReadAsStringAsync();
                if (answer.StatusCode != HttpStatusCode.OK || text.Contains("can&#x27;t be drawn", StringComparison.Ordinal)
                    || text.Contains("can't be drawn", StringComparison.Ordinal)) wrong.Enqueue($"{address}: {(int)answer.StatusCode}");
            }
        }

        Task[] readers = [.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadAsync))];
        List<int> killed = [];
        while (clock.GetElapsedTime(start) < s_duration)
        {
            await Task.Delay(2000);
            if (server.Children("draw") is not [var drawing, ..]) continue;
            killed.Add(drawing);
            LiveCommand.Kill(drawing, LiveCommand.SigKill);
        }

        await Task.WhenAll(readers);
        double[] sorted = [.. took.Order()];
        output.WriteLine($"{asked} pages, median {sorted[sorted.Length / 2]:0} ms, p95 {sorted[sorted.Length * 95 / 100]:0} ms, "
            + $"longest {sorted[^1]:0} ms; the drawing process was killed {killed.Count} times");
        Assert.Empty(wrong);
        Assert.NotEmpty(killed);
        Assert.Equal(killed.Count, killed.Distinct().Count()); // each time another one took over
        using HttpResponseMessage health = await client.GetAsync("/api/v1/health");
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        int[] last = server.Children("draw");
        server.Signal(LiveCommand.SigInt);
        Assert.Equal(0, await server.EndAsync());
        foreach (int process in last) Assert.True(await LiveCommand.GoneAsync(process), "the drawing process outlives its server");
    }

    // Every kind of figure, as page, SVG and PNG; the addresses differ, so that no answer is kept from the one before.
    private static string Address(int number)
    {
        string run = $"run-{number % 7}";
        string other = $"run-{(number / 7) % 7}";
        string metric = s_metrics[number % s_metrics.Length];
        string second = s_metrics[(number + 1 + (number / 7 % 6)) % s_metrics.Length];
        return (number % 8) switch
        {
            0 => $"/runs/{run}",
            1 => $"/figures/runs/{run}/plot-perplexity.png",
            2 => $"/decide?run={run}&x={metric}&y={second}",
            3 => $"/compare?a={run}&b={(other == run ? "run-" + ((number + 1) % 7) : other)}&metric={metric}",
            4 => $"/trends?days={3650 + number}&metric={metric}",
            5 => $"/figures/runs/{run}/plot-memory.png",
            6 => $"/compare?a={run}:gguf:F16&b={run}:gguf:Q8_0&metric=tg_tps&n={number}",
            _ => $"/figures/runs/{other}/plot-latency.png",
        };
    }
}
