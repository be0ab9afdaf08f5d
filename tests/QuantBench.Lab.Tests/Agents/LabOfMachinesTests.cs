using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Suites;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Lab.Tests.Agents;

/// <summary>
/// Three real agents and a server on PostgreSQL, and what goes wrong in a lab. Takes about 40 s; with <c>QB_LAB_FAULTS</c> set to a number,
/// <see cref="AnyFaults_LoseNothing"/> makes so many at random (tests/lab/soak.sh).
/// </summary>
public sealed class LabOfMachinesTests
{
    [PostgresFact]
    public async Task Faults_LoseNothingAndCountNothingTwice()
    {
        if (!OperatingSystem.IsLinux()) return; // setsid and signals
        using var lab = new TrialLab();
        string pair = lab.Suite("pair", "{ labels: [site=here] }");
        string moved = lab.Suite("moved", "{ machines: [m2], lost_after: 1s, replace: true }");
        string all = lab.Suite("all", "{ labels: [arch=x64] }".Replace("x64", System.Runtime.InteropServices.RuntimeInformation
            .ProcessArchitecture.ToString().ToLowerInvariant(), StringComparison.Ordinal));
        await lab.StartServerAsync();
        for (int i = 0; i < TrialLab.Agents; i++) lab.StartAgent(i);
        await lab.UntilAsync(() => lab.Machines.List().Length == TrialLab.Agents, "three machines");

        // A schedule fires, on the machines with the labels and no other.
        Assert.True(CronTimes.TryParse("* * * * * *", null, out CronTimes? cron, out string? problem), problem);
        lab.Schedules.Add("pair", pair, new SuiteSchedule(cron, CatchUp.Last), "test");
        await lab.UntilAsync(() => lab.Queue.Latest("pair").Any(o => o.State == OccurrenceState.Running), "the schedule to fire");
        lab.Schedules.SetPaused("pair", true, "test");
        Occurrence first = lab.Queue.Latest("pair").Last(o => o.State == OccurrenceState.Running);
        await lab.UntilAsync(() => lab.Queue.Latest("pair").All(o => o.State is not (OccurrenceState.Due or OccurrenceState.Running))
            || lab.JobsOf(first).Any(j => j.RunId is not null && j.Cells > 0), "the first cell");
        Assert.Equal(["m1", "m2"], lab.JobsOf(first).Select(j => j.Target).Order());

        // An agent dies in its run, and the server with it; both come back.
        lab.KillAgent(0);
        lab.KillServer();
        await lab.StartServerAsync();
        lab.StartAgent(0);
        await lab.UntilAsync(() => lab.Queue.Find(first.Id)?.State == OccurrenceState.Done, "the run that lost its agent and its server");
        Occurrence[] pairs = [.. lab.Queue.Latest("pair", 100).Where(o => o.State != OccurrenceState.Missed)];
        await lab.UntilAsync(() => pairs.All(o => lab.Queue.Find(o.Id)?.State == OccurrenceState.Done), "what the schedule began");

        // A machine is stopped for longer than its lease: another one takes its run over, and what the first sends late is kept apart.
        Occurrence stopped = lab.Ask(moved);
        await lab.UntilAsync(() => lab.JobsOf(stopped) is [{ Cells: > 0 }], "the first cell of the run that is to move");
        lab.Agent(1).Stop();
        await lab.UntilAsync(() => lab.JobsOf(stopped)[0] is { State: JobState.Leased, Machine: not "m2" }, "another machine to take over");
        await lab.UntilAsync(() => lab.Queue.Find(stopped.Id)?.State == OccurrenceState.Done, "the run that moved");
        lab.Agent(1).Wake();
        await lab.UntilAsync(() => lab.Jobs.Late().Any(r => r.Machine == "m2" && r.Cells > 0), "the late results");

        // PostgreSQL is restarted, and one machine's link is cut: first the answers, then everything.
        Occurrence cut = lab.Ask(all);
        await lab.UntilAsync(() => lab.JobsOf(cut).Length == TrialLab.Agents && lab.JobsOf(cut).All(j => j.State != JobState.Queued),
            "three jobs");
        lab.Link(2).Set(CutLink.Cuts.Answers);
        lab.Postgres.Stop();
        await Task.Delay(1000);
        lab.Postgres.StartAgain();
        lab.Link(2).Set(CutLink.Cuts.Both);
        await Task.Delay(4000); // longer than the lease
        lab.Link(2).Set(CutLink.Cuts.None);
        await lab.UntilAsync(() => lab.Queue.Find(cut.Id)?.State == OccurrenceState.Done, "the run through all of it");

        await RepeatEverythingAsync(lab, lab.JobsOf(cut)[0]);
        await RefuseStrangersAsync(lab, lab.JobsOf(cut)[0]);
        await lab.CheckAsync([.. pairs.Select(p => (p, lab.JobsOf(p).Length)), (stopped, 1), (cut, TrialLab.Agents)]);
    }

    [PostgresFact]
    public async Task Agent_ThatLacksTheModel_PullsIt_AndTracesSayWhoDidWhat()
    {
        if (!OperatingSystem.IsLinux()) return; // setsid
        using var own = new TemporaryDirectory();
        using var collector = new Collector();
        using var lab = new TrialLab { SuitesOfAgents = own.Path };
        lab.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address;
        lab.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        lab.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "500";
        lab.Environment["OTEL_BSP_SCHEDULE_DELAY"] = "200";
        string suite = lab.Suite("pull", "{ machines: [m1] }");
        Directory.CreateDirectory(Path.Combine(lab.Suites, "model"));
        foreach (string file in Directory.EnumerateFiles(RepositoryRoot.Combine("datasets", "reference-model")))
            File.Copy(file, Path.Combine(lab.Suites, "model", Path.GetFileName(file)));
        File.WriteAllText(suite, File.ReadAllText(suite)
            .Replace(RepositoryRoot.Combine("datasets", "reference-model"), "./model", StringComparison.Ordinal));
        File.Copy(Path.Combine(lab.Suites, "text.txt"), own.Combine("text.txt"));
        await lab.StartServerAsync();
        lab.StartAgent(0);

        Occurrence asked = lab.Ask(suite);
        await lab.UntilAsync(() => lab.Queue.Find(asked.Id)?.State is OccurrenceState.Done or OccurrenceState.Failed, "the run");

        await lab.CheckAsync([(asked, 1)]);
        Assert.Contains("pulls model (11.7 MB)", lab.Agent(0).Said, StringComparison.Ordinal);
        await lab.UntilAsync(() => collector.Has("/v1/metrics", "quantbench_jobs") && collector.Has("/v1/traces", asked.Key)
            && collector.Has("/v1/traces", "quantbench-server"), "the collector");
        Assert.Contains(collector.Taken, t => t.Path == "/v1/traces" && t.Body.Contains("quantbench-agent", StringComparison.Ordinal)
            && t.Body.Contains("quantbench.cell", StringComparison.Ordinal));
    }

    // Every message of an ended job again, as a network may deliver it.
    private static async Task RepeatEverythingAsync(TrialLab lab, Job job)
    {
        int agent = int.Parse(job.Machine![1..], System.Globalization.CultureInfo.InvariantCulture) - 1;
        string folder = Path.Combine(lab.ResultsOf(agent), job.RunId!);
        var results = new AgentResults(await File.ReadAllTextAsync(Path.Combine(folder, RunFolder.RunFile)),
            [.. (await File.ReadAllLinesAsync(Path.Combine(folder, RunFolder.CellsFile))).Select(l => new SentCell(l, "again"))]);
        for (int i = 0; i < 2; i++)
        {
            ResultsAnswer? answer = await PostAsync<ResultsAnswer>(lab, agent, $"jobs/{job.Id}/results?epoch={job.Epoch}", results);
            Assert.Equal((0, TrialLab.CellsOfRun, false), (answer?.Taken, answer?.Known, answer?.Late));
            await PostAsync<object>(lab, agent, $"jobs/{job.Id}/end", new AgentEnd(job.Epoch, "failed", "again", job.RunId));
        }

        Assert.Equal(JobState.Done, lab.Jobs.Find(job.Id)?.State);
    }

    // A key opens its own machine's jobs and nothing else.
    private static async Task RefuseStrangersAsync(TrialLab lab, Job job)
    {
        int other = job.Machine == "m1" ? 1 : 0;
        string folder = Path.Combine(lab.Results, job.RunId!);
        var results = new AgentResults(await File.ReadAllTextAsync(Path.Combine(folder, RunFolder.RunFile)), []);
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(lab, other, HttpMethod.Post,
            $"agent/jobs/{job.Id}/results?epoch={job.Epoch}", results));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(lab, other, HttpMethod.Post, "queue", new { suite = "pair" }));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(lab, other, HttpMethod.Post, "runs", new { }));
    }

    private static async Task<T?> PostAsync<T>(TrialLab lab, int agent, string path, object message)
        where T : class
    {
        using HttpResponseMessage response = await SendAsync(lab, agent, HttpMethod.Post, "agent/" + path, message);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return text.Length == 0 ? null : JsonSerializer.Deserialize<T>(text, Json.Line);
    }

    private static async Task<HttpStatusCode> StatusAsync(TrialLab lab, int agent, HttpMethod method, string path, object message)
    {
        using HttpResponseMessage response = await SendAsync(lab, agent, method, path, message);
        return response.StatusCode;
    }

    private static async Task<HttpResponseMessage> SendAsync(TrialLab lab, int agent, HttpMethod method, string path, object message)
    {
        using var client = new HttpClient { BaseAddress = new Uri(lab.Server, "/api/v1/") };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", lab.Keys[agent]);
        using var request = new HttpRequestMessage(method, path)
        {
            Content = new StringContent(JsonSerializer.Serialize(message, Json.Line), Encoding.UTF8, "application/json"),
        };
        return await client.SendAsync(request);
    }

    [PostgresFact]
    public async Task AnyFaults_LoseNothing()
    {
        int faults = int.TryParse(Environment.GetEnvironmentVariable("QB_LAB_FAULTS"), out int asked) ? asked : 0;
        if (faults == 0 || !OperatingSystem.IsLinux()) return;
        int seed = int.TryParse(Environment.GetEnvironmentVariable("QB_LAB_SEED"), out int given) ? given : Environment.TickCount;
        var random = new Random(seed);
        using var lab = new TrialLab();
        string suite = lab.Suite("all", "{ machines: [m1, m2, m3], lost_after: 4s, replace: true }");
        await lab.StartServerAsync();
        for (int i = 0; i < TrialLab.Agents; i++) lab.StartAgent(i);
        await lab.UntilAsync(() => lab.Machines.List().Length == TrialLab.Agents, "three machines");
        var asks = new List<Occurrence> { lab.Ask(suite) };
        for (int fault = 0; fault < faults; fault++)
        {
            if (asks.All(o => lab.JobsOf(o) is { Length: > 0 } jobs && jobs.All(j => j.IsOver))) asks.Add(lab.Ask(suite));
            int agent = random.Next(TrialLab.Agents);
            await Task.Delay(random.Next(2000));
            switch (random.Next(6))
            {
                case 0:
                    lab.KillAgent(agent);
                    await Task.Delay(random.Next(3000));
                    lab.StartAgent(agent);
                    break;
                case 1:
                    lab.Agent(agent).Stop();
                    await Task.Delay(random.Next(12_000));
                    lab.Agent(agent).Wake();
                    break;
                case 2:
                    lab.KillServer();
                    await Task.Delay(random.Next(3000));
                    await lab.StartServerAsync();
                    break;
                case 3:
                    lab.Postgres.Stop();
                    await Task.Delay(random.Next(3000));
                    lab.Postgres.StartAgain();
                    break;
                default:
                    lab.Link(agent).Set(random.Next(2) == 0 ? CutLink.Cuts.Both : CutLink.Cuts.Answers);
                    await Task.Delay(random.Next(10_000));
                    lab.Link(agent).Set(CutLink.Cuts.Both); // a link that lost answers is dead, too
                    lab.Link(agent).Set(CutLink.Cuts.None);
                    break;
            }
        }

        foreach (Occurrence one in asks)
        {
            await lab.UntilAsync(() =>
            {
                // What was tried too often is named, and an operator gives it out again.
                foreach (Job job in lab.JobsOf(one).Where(j => j.State == JobState.Quarantined)) lab.Jobs.Release(job.Id, "test");
                return lab.Queue.Find(one.Id)?.State == OccurrenceState.Done;
            }, $"{one.Key} (seed {seed})");
        }

        await lab.CheckAsync([.. asks.Select(a => (a, TrialLab.Agents))]);
    }
}
