using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Faults;

/// <summary>
/// What happens when things break, with the real command, the real engine and real signals: the reason is recorded, the other cells finish,
/// nothing finished is lost or measured twice.
/// </summary>
public sealed class FaultTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Results => Path.Combine(_directory.Path, "results");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Run_RecordsTheSignal_WhenAWorkerIsKilled()
    {
        await WorkerDiesBy(LiveCommand.SigKill, "SIGKILL");
    }

    [Fact]
    public async Task Run_RecordsTheSignal_WhenAWorkerSegfaults()
    {
        await WorkerDiesBy(LiveCommand.SigSegv, "SIGSEGV");
    }

    [Fact]
    public async Task Run_RecordsATimeout_WhenAWorkerHangs()
    {
        string suite = Suite("cell_timeout: 15s");

        using LiveCommand run = LiveCommand.Start("run", suite, "--results", Results, "--plain");
        int worker = await LongCellsWorker(run);
        LiveCommand.Kill(worker, LiveCommand.SigStop); // a stopped process hangs whatever it is told
        int code = await run.EndAsync();

        Assert.Equal(2, code);
        IReadOnlyList<CellResult> cells = Cells(out RunInfo info);
        CellResult failed = Assert.Single(cells, c => c.Status == CellStatus.Failed);
        Assert.Equal(FailureKind.Timeout, failed.Failure);
        Assert.Contains("15", failed.Reason, StringComparison.Ordinal);
        Assert.True(await LiveCommand.GoneAsync(worker));
        TheOthersFinished(cells, info);
    }

    [Fact]
    public async Task Run_RecordsOutOfMemory_WhenAWorkerPassesItsLimit()
    {
        string suite = Suite("cell_memory: 40MiB");

        (int code, string output) = await LiveCommand.RunAsync("run", suite, "--results", Results, "--plain");

        Assert.True(code == 2, output);
        IReadOnlyList<CellResult> cells = Cells(out RunInfo info);
        Assert.Contains(cells, c => c.Failure == FailureKind.OutOfMemory && c.Reason!.Contains("40 MiB", StringComparison.Ordinal));
        Assert.Equal(info.CellCount, cells.Count);
    }

    [Fact]
    public async Task Run_NamesFileAndByte_WhenTheModelIsTruncated()
    {
        string good = await PrepareAsync("gguf:Q8_0");
        string broken = Path.Combine(_directory.Path, "broken.gguf");
        byte[] bytes = await File.ReadAllBytesAsync(good);
        await File.WriteAllBytesAsync(broken, bytes[..(bytes.Length / 2)]);
        string suite = Path.Combine(_directory.Path, "broken.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: broken
            models:
              - { id: broken, source: {{broken}} }
              - { id: good, source: {{good}} }
            variants: [gguf:Q8_0]
            backends: [llamacpp/cpu]
            workloads:
              - load: { repetitions: 1 }
            """);

        (int code, string output) = await LiveCommand.RunAsync("run", suite, "--results", Results, "--plain");

        Assert.True(code == 2, output);
        IReadOnlyList<CellResult> cells = Cells(out _);
        CellResult failed = Assert.Single(cells, c => c.Cell.Model == "broken");
        Assert.Equal(CellStatus.Failed, failed.Status);
        Assert.Contains("broken.gguf", failed.Reason, StringComparison.Ordinal);
        Assert.Contains($"{bytes.Length / 2}", failed.Reason, StringComparison.Ordinal); // the length that the file really has
        Assert.Equal(CellStatus.Ok, Assert.Single(cells, c => c.Cell.Model == "good").Status);
    }

    [Fact]
    public async Task Run_ExplainsItself_WhenTheSuiteHasATypo()
    {
        string suite = Path.Combine(_directory.Path, "typo.yaml");
        await File.WriteAllTextAsync(suite, "suite: typo\nworklods: [load]\n");

        (int code, string output) = await LiveCommand.RunAsync("run", suite, "--results", Results, "--plain");

        Assert.Equal(65, code);
        Assert.Contains("typo.yaml:2:1", output, StringComparison.Ordinal);
        Assert.Contains("workloads", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal); // no stack trace
    }

    [Fact]
    public async Task Run_StopsCleanlyAndResumes_WhenInterrupted()
    {
        string suite = Suite("cell_timeout: 120s");
        List<CellResult> before;

        using (LiveCommand run = LiveCommand.Start("run", suite, "--results", Results, "--plain"))
        {
            int worker = await LongCellsWorker(run);
            run.Signal(LiveCommand.SigInt);
            Assert.Equal(130, await run.EndAsync());
            Assert.Contains("resume", run.Output, StringComparison.Ordinal);
            Assert.True(await LiveCommand.GoneAsync(worker));
            before = [.. Cells(out RunInfo stopped)];
            Assert.Equal(RunStatus.Interrupted, stopped.Status);
            Assert.NotEmpty(before);
            Assert.All(before, c => Assert.Equal(CellStatus.Ok, c.Status));
        }

        await ResumeFinishes(before);
    }

    [Fact]
    public async Task Resume_LosesAndRepeatsNothing_WhenTheRunnerIsKilled()
    {
        string suite = Suite("cell_timeout: 120s");
        List<CellResult> before;

        using (LiveCommand run = LiveCommand.Start("run", suite, "--results", Results, "--plain"))
        {
            int worker = await LongCellsWorker(run);
            run.Signal(LiveCommand.SigKill);
            await run.EndAsync();
            Assert.True(await LiveCommand.GoneAsync(worker)); // a worker doesn't outlive its runner
            before = [.. Cells(out RunInfo stopped)];
            Assert.Equal(RunStatus.Running, stopped.Status); // nobody was left to write anything else
            Assert.NotEmpty(before);
        }

        await ResumeFinishes(before);
    }

    [TmpfsFact]
    public async Task Run_KeepsWhatIsFinished_WhenTheDiskIsFull()
    {
        string suite = Suite("cell_timeout: 120s", longCell: false);
        string small = Path.Combine(_directory.Path, "small");
        Directory.CreateDirectory(small);
        using (Tmpfs.Mount(small, "2m"))
        {
            string filler = Path.Combine(small, "filler");
            using (LiveCommand run = LiveCommand.Start("run", suite, "--results", small, "--plain"))
            {
                string cells = await FirstCellRecorded(run, small);
                FillUp(filler);
                int code = await run.EndAsync();

                Assert.Equal(74, code);
                Assert.Contains("space", run.Output, StringComparison.OrdinalIgnoreCase);
                Assert.EndsWith("\n", await File.ReadAllTextAsync(cells), StringComparison.Ordinal);
            }

            List<CellResult> before = [.. Cells(small, out _)];
            Assert.NotEmpty(before);
            File.Delete(filler);
            (int resumed, string output) = await LiveCommand.RunAsync("resume", "latest", "--results", small, "--plain");
            Assert.True(resumed == 0, output);
            NothingTwice(before, [.. Cells(small, out RunInfo info)], info);
        }
    }

    private static void FillUp(string path)
    {
        byte[] block = new byte[1024];
        try
        {
            using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            while (true) stream.Write(block);
        }
        catch (IOException)
        {
            // Full, as wanted.
        }
    }

    private static async Task<string> FirstCellRecorded(LiveCommand run, string results)
    {
        await run.LineAsync(l => l.Contains("perplexity: ", StringComparison.Ordinal));
        return Directory.GetFiles(results, "cells.jsonl", SearchOption.AllDirectories).Single();
    }

    private static void NothingTwice(IReadOnlyList<CellResult> before, IReadOnlyList<CellResult> after, RunInfo info)
    {
        Assert.Equal(info.CellCount, after.Count);
        Assert.Equal(after.Count, after.Select(c => c.Cell.Id).Distinct().Count());
        foreach (CellResult old in before.Where(c => c.Status == CellStatus.Ok))
        {
            Assert.Equal(old.Started, after.Single(c => c.Cell.Id == old.Cell.Id).Started);
        }
    }

    private static IReadOnlyList<CellResult> Cells(string results, out RunInfo info)
    {
        // a file has a directory
        string folder = Directory.GetFiles(results, "run.json", SearchOption.AllDirectories).Select(f => Path.GetDirectoryName(f)!)
            .Single();
        using RunFolder run = RunFolder.Open(folder);
        info = run.Info;
        return run.ReadCells();
    }

    private static async Task<string> PrepareAsync(string variant)
    {
        (int code, string output) = await LiveCommand.RunAsync(
            "models", "prepare", Path.Combine(RepositoryRoot.Directory, "datasets", "reference-model"), "--variant", variant, "--json");
        Assert.True(code == 0, output);
        string json = output.Split('\n').Last(l => l.StartsWith('{'));
        return System.Text.Json.Nodes.JsonNode.Parse(json)!["path"]!.GetValue<string>(); // the line is an object with a path
    }

    /// <summary>The long cell is the latency one: each of its workers measures for four seconds unless something stops it.</summary>
    private static async Task<int> LongCellsWorker(LiveCommand run)
    {
        await run.LineAsync(l => l.Contains(" latency", StringComparison.Ordinal) && l.EndsWith("...", StringComparison.Ordinal));
        return await run.WorkerAsync();
    }

    private async Task WorkerDiesBy(int signal, string name)
    {
        string suite = Suite("cell_timeout: 120s");

        using LiveCommand run = LiveCommand.Start("run", suite, "--results", Results, "--plain");
        int worker = await LongCellsWorker(run);
        if (signal == LiveCommand.SigSegv) await LiveCommand.SegfaultAsync(worker);
        else LiveCommand.Kill(worker, signal);
        int code = await run.EndAsync();

        Assert.True(code == 2, run.Output);
        IReadOnlyList<CellResult> cells = Cells(out RunInfo info);
        CellResult failed = Assert.Single(cells, c => c.Status == CellStatus.Failed);
        Assert.Equal("latency", failed.Cell.Workload);
        Assert.Contains(name, failed.Reason, StringComparison.Ordinal);
        TheOthersFinished(cells, info);
    }

    private async Task ResumeFinishes(List<CellResult> before)
    {
        // The long cell is cut short by its own cap this time: the suite's text is the run's, so its cap is what ends it.
        (int code, string output) = await LiveCommand.RunAsync("resume", "latest", "--results", Results, "--plain");

        Assert.True(code == 0, output);
        NothingTwice(before, [.. Cells(out RunInfo info)], info);
        Assert.Equal(RunStatus.Completed, info.Status);
    }

    private static void TheOthersFinished(IReadOnlyList<CellResult> cells, RunInfo info)
    {
        Assert.Equal(RunStatus.Completed, info.Status);
        Assert.Equal(info.CellCount, cells.Count);
        Assert.Equal(info.CellCount - 1, cells.Count(c => c.Status == CellStatus.Ok));
    }

    private IReadOnlyList<CellResult> Cells(out RunInfo info) => Cells(Results, out info);

    private string Suite(string limits, bool longCell = true)
    {
        string path = Path.Combine(_directory.Path, "fault.yaml");
        string text = Path.Combine(_directory.Path, "text.txt");
        File.WriteAllText(text, ReferenceText.Start(20_000));
        string measure = longCell
            ? "{ prompt: 512, generate: 128, launches: 2, repetitions: 20, max_repetitions: 100000, target_ci: 0.0001, time_cap: 8, "
                + "warmup_cap: 1 }"
            : "{ prompt: 16, generate: 4, repetitions: 1, time_cap: 1 }";
        File.WriteAllText(path, $$"""
            suite: fault
            models:
              - { id: reference, source: {{Path.Combine(RepositoryRoot.Directory, "datasets", "reference-model")}} }
            variants: [gguf:Q8_0]
            backends: [llamacpp/cpu]
            settings: { threads: 2 }
            limits: { {{limits}} }
            workloads:
              - perplexity: { dataset: {{text}}, n_ctx: 512, chunks: 4 }
              - latency: {{measure}}
              - load: { repetitions: 2 }
            """);
        return path;
    }
}
