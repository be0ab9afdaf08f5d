using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Agents.Edge;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit.Databases;
using Xunit.Abstractions;

namespace QuantBench.Lab.Tests.Agents;

/// <summary>
/// Many simulated agents against one server: every one has a run of 200 cells to send while it beats, and somebody reads pages. With
/// <c>QB_LAB_AGENTS</c> set to their number (tests/lab/load.sh); alone on its machine, or its figures say nothing.
/// </summary>
public sealed class LabLoadTests(ITestOutputHelper output)
{
    private const int Cells = 200;
    private const int CellsOfMessage = 10;

    private readonly ConcurrentBag<double> _calls = [];
    private readonly ConcurrentBag<double> _queue = [];
    private readonly ConcurrentBag<double> _pages = [];

    [PostgresFact]
    public async Task ManyAgents_AreAnsweredInTime()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable("QB_LAB_AGENTS"), out int agents)) return;
        using var lab = new TrialLab();
        string suite = lab.Suite("load", "{}");
        using LabDatabase database = LabDatabase.Open(lab.Results, StoreAddress.Parse(lab.Address));
        var store = new ApiKeyStore(database, TimeProvider.System);
        string[] keys = [.. Enumerable.Range(0, agents)
            .Select(i => store.Create(string.Create(CultureInfo.InvariantCulture, $"sim{i}"), "test", Role.Agent).Key)];
        await lab.StartServerAsync();
        using var over = new CancellationTokenSource();
        Task readers = ReadPagesAsync(lab.Server, over.Token);
        using var ended = new CountdownEvent(agents);
        Task[] work = [.. keys.Select((key, i) => WorkAsync(lab.Server, key, i, ended, over.Token))];
        await lab.UntilAsync(() => lab.Machines.List().Length == agents, "the agents");

        Occurrence asked = lab.Ask(suite);
        await lab.UntilAsync(() => ended.IsSet, "every run to be sent");
        await over.CancelAsync();
        await Task.WhenAll([.. work, readers]);

        await lab.UntilAsync(() => lab.Queue.Find(asked.Id)?.State == OccurrenceState.Done, "the queued run");
        Assert.All(lab.Jobs.Of(asked.Id), j => Assert.Equal(Cells, j.Cells));
        double call = At(_calls, 0.99), queue = At(_queue, 1), page = At(_pages, 0.95);
        output.WriteLine($"{agents} agents, {_calls.Count} calls: p50 {At(_calls, 0.5):0} ms, p99 {call:0} ms; "
            + $"queue latency at most {queue:0} ms; {_pages.Count} pages: p95 {page:0} ms");
        Assert.True(call <= 100 && queue <= 2000 && page <= 300, $"p99 of a call {call} ms, queue {queue} ms, p95 of a page {page} ms");
    }

    private async Task WorkAsync(Uri server, string key, int number, CountdownEvent ended, CancellationToken stop)
    {
        using var link = new AgentLink(server, key);
        string instance = string.Create(CultureInfo.InvariantCulture, $"i{number}");
        try
        {
            await TimedAsync(_calls, () => link.PostAsync<AgentHello, AgentWelcome>("agent/hello",
                new AgentHello(AgentHello.Current, "1.0", instance, ["site=here"]), stop));
            Task beats = BeatAsync(link, instance, stop);
            AgentJob? job = null;
            while (job is null)
            {
                job = await link.PostAsync<AgentClaim, AgentJob>("agent/claim", new AgentClaim(instance, Guid.NewGuid().ToString("N"), 20),
                    stop, TimeSpan.FromSeconds(20));
            }

            DateTimeOffset asked = DateTimeOffset.ParseExact(job.Key.Split('@')[1][..16], "yyyyMMdd'T'HHmmss'Z'",
                CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
            _queue.Add((TimeProvider.System.GetUtcNow() - asked).TotalMilliseconds - 500); // the key has whole seconds
            RunRecord sample = SampleRun.Make(string.Create(CultureInfo.InvariantCulture, $"20261122-221000-load-{number:x4}"));
            RunInfo info = sample.Info with { Suite = "load", CellCount = Cells };
            CellResult[] cells =
            [
                .. Enumerable.Range(0, Cells).Select(n => sample.Cells[n % sample.Cells.Length] is var c
                    ? c with { Cell = new Cell(c.Cell.Model, c.Cell.Variant, c.Cell.Backend, c.Cell.Workload,
                        c.Cell.Settings.With("threads", (long)(1 + n))) } : c),
            ];
            for (int at = 0; at < Cells; at += CellsOfMessage)
            {
                bool last = at + CellsOfMessage >= Cells;
                var message = new AgentResults(
                    JsonSerializer.Serialize(last ? info : info with { Status = RunStatus.Running, Finished = null }, Json.Line),
                    [.. cells[at..(at + CellsOfMessage)].Select(c => new SentCell(JsonSerializer.Serialize(c, Json.Line), null))]);
                await TimedAsync(_calls, () => link.PostAsync<AgentResults, ResultsAnswer>(
                    $"agent/jobs/{job.Job}/results?epoch={job.Epoch}", message, stop));
                await Task.Delay(Random.Shared.Next(1000, 3000), stop); // a cell takes a while
            }

            await TimedAsync(_calls, () => link.PostAsync<AgentEnd, object>($"agent/jobs/{job.Job}/end",
                new AgentEnd(job.Epoch, "done", null, info.Id), stop));
            ended.Signal();
            await beats;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Over.
        }
    }

    private async Task BeatAsync(AgentLink link, string instance, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Random.Shared.Next(10_000), stop);
                await TimedAsync(_calls,
                    () => link.PostAsync<AgentBeat, BeatAnswer>("agent/beat", new AgentBeat(instance, null, 0, null), stop));
            }
        }
        catch (OperationCanceledException)
        {
            // Over.
        }
    }

    private async Task ReadPagesAsync(Uri server, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = server };
        try
        {
            while (true)
            {
                foreach (string page in (string[])["/", "/runs", "/agents", "/machines"])
                {
                    await TimedAsync(_pages, () => client.GetStringAsync(page, stop));
                    await Task.Delay(250, stop);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Over.
        }
    }

    private static async Task<T> TimedAsync<T>(ConcurrentBag<double> times, Func<Task<T>> call)
    {
        long began = TimeProvider.System.GetTimestamp();
        T answer = await call();
        times.Add(TimeProvider.System.GetElapsedTime(began).TotalMilliseconds);
        return answer;
    }

    private static double At(ConcurrentBag<double> times, double share) =>
        times.Order().ElementAtOrDefault((int)Math.Ceiling(share * times.Count) - 1);
}
