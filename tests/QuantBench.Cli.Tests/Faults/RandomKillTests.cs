using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using QuantBench.Core.Runs;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Queue;
using QuantBench.Lab.State;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;
using Xunit.Abstractions;

namespace QuantBench.Cli.Tests.Faults;

/// <summary>
/// SIGKILL at random moments, always the same ones as far as a seed can say: while databases are made or brought up to date, during a run,
/// uploads, an import, an index and a scheduled run. After each, everything starts again within ten seconds and every count is exact.
/// </summary>
public sealed class RandomKillTests(ITestOutputHelper output) : IDisposable
{
    private const int Seed = 5;
    private const int SampleCells = 41;
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(10);
    private static readonly string? s_postgres = PostgresServer.Missing is null ? "postgres" : null;

    // The real thing takes a quarter of an hour: QB_KILLS=100.
    private static readonly int s_kills =
        int.TryParse(Environment.GetEnvironmentVariable("QB_KILLS"), CultureInfo.InvariantCulture, out int kills) ? kills : 6;

    private readonly TemporaryDirectory _directory = new();
    private readonly Random _random = new(Seed);
    private TimeSpan _slowest;
    private int _made;
    private int _acknowledged;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Counts_AreExact_WhateverIsKilled_AndWhenever()
    {
        if (OperatingSystem.IsWindows()) return; // SIGKILL is Unix's
        (string Name, Func<string, Task> Kill)[] kinds =
        [
            ("creation", d => CreationAsync(d, null)), ("upgrade", UpgradeAsync), ("upload to PostgreSQL", d => UploadAsync(d, s_postgres)),
            ("import", ImportAsync), ("run", RunAsync), ("scheduled run", ScheduledAsync),
            ("creation in PostgreSQL", d => CreationAsync(d, s_postgres)), ("upload", d => UploadAsync(d, null)), ("upgrade", UpgradeAsync),
            ("index", IndexAsync),
        ];
        for (int i = 0; i < s_kills; i++)
        {
            (string name, Func<string, Task> kill) = kinds[i % kinds.Length];
            string directory = _directory.Combine($"{i}");
            Directory.CreateDirectory(directory);
            try
            {
                await kill(directory);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"kill {i} ({name}), seed {Seed}: {e.Message}", e);
            }

            Directory.Delete(directory, recursive: true);
        }

        output.WriteLine($"{s_kills} kills; {_acknowledged} uploads acknowledged; slowest start {_slowest.TotalSeconds:0.0} s");
        Assert.True(_acknowledged > 0);
    }

    // results.db and lab.db of a results directory that holds runs.
    private async Task CreationAsync(string results, string? store)
    {
        for (int i = 0; i < 3; i++) Folder(results);
        string[] where = Where(results, ref store);
        await KillAsync(["dashboard", .. where], () => File.Exists(Path.Combine(results, "lab.db")), 600);

        using LiveCommand server = await StartAsync("dashboard", where, 3);
        await HasAsync(server, results);
    }

    private async Task UpgradeAsync(string directory)
    {
        using var earlier = new EarlierResults();
        string[] where = ["--port", "0", "--results", earlier.Directory];
        await KillAsync(["dashboard", .. where], () => File.Exists(Path.Combine(earlier.Directory, "lab.db-wal")), 400);

        using LiveCommand server = await StartAsync("dashboard", where, 2);
        using (ResultStore store = ResultStore.Open(earlier.Directory))
            Assert.Equal((27, 8), (Cells(store, EarlierResults.First), Cells(store, EarlierResults.Second)));
        Assert.Equal(2, new AccountStore(LabDatabase.Open(earlier.Directory)).List().Length);
    }

    private async Task UploadAsync(string results, string? store)
    {
        string[] where = Where(results, ref store);
        string key = new ApiKeyStore(LabDatabase.Open(results), TimeProvider.System).Create("kills", "test", Role.Operator).Key;
        var acknowledged = new List<string>();
        using (LiveCommand server = await StartAsync("serve", where, 0))
        {
            using HttpClient client = Client(server);
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
            var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task[] uploads = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
            {
                while (true)
                {
                    (string id, byte[] bundle) = Bundle();
                    try
                    {
                        using HttpResponseMessage answer = await client.PostAsync("/api/v1/runs", new ByteArrayContent(bundle));
                        if (answer.StatusCode != HttpStatusCode.Created) return;
                        lock (acknowledged) acknowledged.Add(id);
                        first.TrySetResult();
                    }
                    catch (HttpRequestException)
                    {
                        return; // killed under it
                    }
                }
            }))];
            await first.Task.WaitAsync(TimeSpan.FromSeconds(30));
            await Task.Delay(_random.Next(500));
            server.Signal(LiveCommand.SigKill);
            await server.EndAsync();
            await Task.WhenAll(uploads);
        }

        _acknowledged += acknowledged.Count;
        string[] folders = [.. Folders(results)];
        Assert.DoesNotContain(acknowledged, id => !folders.Contains(id));
        using LiveCommand again = await StartAsync("serve", where, folders.Length);
        await HasAsync(again, results);
        Assert.DoesNotContain(Directory.GetFileSystemEntries(results),
            e => Path.GetFileName(e).StartsWith(".import-", StringComparison.Ordinal));
    }

    private async Task ImportAsync(string directory)
    {
        string results = Path.Combine(directory, "results");
        string bundle = Path.Combine(directory, "run.zip");
        (string id, byte[] bytes) = Bundle();
        await File.WriteAllBytesAsync(bundle, bytes);
        string[] import = ["results", "import", bundle, "--results", results];
        await KillAsync(import, () => Directory.Exists(results) && Directory.GetDirectories(results).Length > 0, 150);

        (int code, string said) = await QuicklyAsync(import);
        Assert.True(code == 0, said);
        using ResultStore store = ResultStore.Open(results);
        Assert.Equal((1, SampleCells), (new StoredRuns(store).CountRuns(), Cells(store, id)));
        Assert.Equal([id], Folders(results));
    }

    private async Task IndexAsync(string results)
    {
        for (int i = 0; i < 8; i++) Folder(results);
        string? store = s_postgres;
        string[] where = Where(results, ref store)[2..];
        await KillAsync(["results", "reindex", .. where], () => true, 2000);

        (int code, string said) = await QuicklyAsync(["results", "reindex", .. where]);
        Assert.True(code == 0, said);
        Assert.Contains($"8 runs with {8 * SampleCells} cells", said, StringComparison.Ordinal);
        using ResultStore opened = ResultStore.Open(results, StoreAddress.Parse(store));
        Assert.Equal(8, new StoredRuns(opened).CountRuns());
        foreach (string id in Folders(results)) Assert.Equal(SampleCells, Cells(opened, id));
    }

    private async Task RunAsync(string directory)
    {
        string results = Path.Combine(directory, "results");
        await KillAsync(["run", Suite(directory), "--results", results, "--plain"],
            () => Directory.Exists(results) && Directory.GetDirectories(results, "*-kills-*").Length > 0, 3000);

        string[] before = [.. Folders(results).SelectMany(id => Lines(results, id))];
        if (Folders(results).FirstOrDefault() is not { } run) return; // before there was anything to resume
        (int code, string said) = await LiveCommand.RunAsync("resume", run, "--results", results, "--plain");
        Assert.True(code == 0, said);
        Whole(results, run, before);
    }

    private async Task ScheduledAsync(string directory)
    {
        string results = Path.Combine(directory, "results");
        string suite = Suite(directory);
        string[] where = ["--port", "0", "--results", results, "--suites", directory];
        var queue = new OccurrenceStore(LabDatabase.Open(results), TimeProvider.System);
        long asked;
        using (LiveCommand first = await StartAsync("serve", where, 0))
        {
            asked = queue.Request(suite, "test").Id;
            await Task.Delay(_random.Next(200, 4000));
            first.Signal(LiveCommand.SigKill);
            await first.EndAsync();
        }

        string[] before = [.. Folders(results).SelectMany(id => Lines(results, id))];
        using LiveCommand second = await StartAsync("serve", where, null);
        for (int i = 0; i < 600 && queue.Find(asked)?.State is OccurrenceState.Due or OccurrenceState.Running; i++) await Task.Delay(100);
        Occurrence? done = queue.Find(asked);
        Assert.True(done?.State == OccurrenceState.Done, $"{done}\n{second.Output}");
        Assert.Equal([done.RunId ?? ""], Folders(results));
        Whole(results, done.RunId ?? "", before);
    }

    // Starts a command, waits for the sign that it is at its work, and kills it some time after.
    private async Task KillAsync(string[] line, Func<bool> sign, int milliseconds)
    {
        using LiveCommand command = LiveCommand.Start(line);
        var patience = Stopwatch.StartNew();
        while (!sign() && LiveCommand.IsAlive(command.Id) && patience.Elapsed < TimeSpan.FromMinutes(1)) await Task.Delay(2);
        await Task.Delay(_random.Next(milliseconds));
        command.Signal(LiveCommand.SigKill);
        await command.EndAsync();
    }

    // Starts, answers, and knows as many runs as there are.
    private async Task<LiveCommand> StartAsync(string command, string[] where, int? runs)
    {
        var took = Stopwatch.StartNew();
        LiveCommand server = LiveCommand.Start([command, .. where]);
        try
        {
            await server.LineAsync(l => l.StartsWith("dashboard:", StringComparison.Ordinal));
            Took(took.Elapsed, server.Output);
            using HttpClient client = Client(server);
            JsonElement health = await client.GetFromJsonAsync<JsonElement>("/api/v1/health");
            if (runs is not null) Assert.Equal(runs, health.GetProperty("runs").GetInt32());
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    private async Task<(int Code, string Output)> QuicklyAsync(params string[] line)
    {
        var took = Stopwatch.StartNew();
        (int code, string said) = await LiveCommand.RunAsync(line);
        Took(took.Elapsed, said);
        return (code, said);
    }

    private void Took(TimeSpan time, string said)
    {
        if (time > _slowest) _slowest = time;
        Assert.True(time < s_start, $"it took {time.TotalSeconds:0.0} s to start again:\n{said}");
    }

    // Every folder's run is shown with all its cells.
    private static async Task HasAsync(LiveCommand server, string results)
    {
        using HttpClient client = Client(server);
        foreach (string id in Folders(results))
        {
            JsonElement run = await client.GetFromJsonAsync<JsonElement>($"/api/v1/runs/{id}");
            Assert.Equal(SampleCells, run.GetProperty("counts").GetProperty("finished").GetInt32());
        }
    }

    private static void Whole(string results, string run, string[] before)
    {
        string[] after = Lines(results, run);
        Assert.Equal(before, after.Take(before.Length)); // nothing lost, nothing measured anew
        Assert.Equal(4, after.Length);
        using RunFolder folder = RunFolder.OpenReadOnly(Path.Combine(results, run));
        Assert.Equal((RunStatus.Completed, 4), (folder.Info.Status, folder.ReadCells().Count));
        using ResultStore store = ResultStore.Open(results);
        Assert.Equal((1, 4), (new StoredRuns(store).CountRuns(), Cells(store, run)));
    }

    // Whole lines: a torn one was never finished.
    private static string[] Lines(string results, string run)
    {
        string file = Path.Combine(results, run, RunFolder.CellsFile);
        return File.Exists(file) ? File.ReadAllText(file).Split('\n')[..^1] : [];
    }

    private static IEnumerable<string> Folders(string results) => !Directory.Exists(results) ? []
        : Directory.GetFiles(results, RunFolder.RunFile, SearchOption.AllDirectories)
            .Select(f => Path.GetFileName(Path.GetDirectoryName(f)) ?? "").Where(RunFolder.IsValidId).Order(StringComparer.Ordinal);

    private static int Cells(ResultStore store, string run) => store.ReadRecord(run)?.Cells.Length ?? 0;

    private static HttpClient Client(LiveCommand server) => new()
    {
        BaseAddress = new Uri(server.Output.Split('\n').First(l => l.StartsWith("dashboard:", StringComparison.Ordinal))
            ["dashboard:".Length..].Trim()),
    };

    private static string[] Where(string results, ref string? store)
    {
        if (store is null) return ["--port", "0", "--results", results];
        store = PostgresServer.Shared.AddressOf(PostgresServer.Shared.NewDatabase());
        return ["--port", "0", "--results", results, "--store", store];
    }

    private static string Suite(string directory)
    {
        string text = Path.Combine(directory, "text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 400).Select(i => $"Line {i} of a text that says little. ")));
        string path = Path.Combine(directory, "kills.yaml");
        File.WriteAllText(path, $$"""
            suite: kills
            models: [{ id: reference, source: {{RepositoryRoot.Combine("datasets", "reference-model")}} }]
            variants: [gguf:F32, gguf:F16]
            backends: [managed/scalar]
            workloads:
              - load: { repetitions: 2, time_cap: 1, warmup_cap: 0.2 }
              - perplexity: { dataset: {{text}}, n_ctx: 64, chunks: 1 }
            """);
        return path;
    }

    private RunRecord Sample()
    {
        int number = Interlocked.Increment(ref _made);
        string id = string.Create(CultureInfo.InvariantCulture, $"20261120-{number:000000}-reference-{number & 0xffff:x4}");
        return SampleRun.Make(id, seed: number);
    }

    private void Folder(string results)
    {
        RunRecord run = Sample();
        using RunFolder folder = RunFolder.Create(results, run.Info);
        foreach (Core.Cells.CellResult cell in run.Cells) folder.Append(cell);
    }

    private (string Id, byte[] Bundle) Bundle()
    {
        using var place = new TemporaryDirectory();
        Folder(place.Path);
        string id = Folders(place.Path).Single();
        using var stream = new MemoryStream();
        RunBundle.Write(Path.Combine(place.Path, id), stream);
        return (id, stream.ToArray());
    }
}
