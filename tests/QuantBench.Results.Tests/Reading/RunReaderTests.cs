using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Reading;

/// <summary>Whether a run comes from its folder or from the store.</summary>
public sealed class RunReaderTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Folder_Wins_WhereItIsHere()
    {
        Record("run-a");
        using ResultStore store = ResultStore.Open(_root.Path);
        store.IndexRun(SampleRun.Info("run-a")); // knows no cell yet

        Assert.Equal(SampleRun.Make().Cells.Length, new RunReader(store).LoadWhole("run-a").Cells.Length);
        Assert.Equal(Path.Combine(_root.Path, "run-a"), new RunReader(store).FindId("run-a")?.Path);
    }

    [Fact]
    public void Store_HasTheRun_WhoseFolderIsElsewhere()
    {
        using ResultStore store = ResultStore.Open(_root.Path);
        Index(store, "run-a", "run-b");
        Record("run-c");
        var reader = new RunReader(store);

        Assert.Equal(["run-a", "run-b", "run-c"], reader.List().Select(r => r.Id).Order());
        Assert.Equal("", reader.FindId("run-a")?.Path);
        Assert.Equal("run-b", reader.Find("run-b").Id);
        IEnumerable<Measurement> speeds = reader.LoadWhole("run-A").Cells.SelectMany(c => c.Metrics).Where(m => m.Name == "tg_tps");
        Assert.All(speeds, m => Assert.NotNull(m.Samples));
        Assert.Equal("run-c", reader.Find("run-").Id); // what is here is asked first
        Assert.Null(reader.FindId("run-"));
        Assert.Throws<RequestException>(() => reader.Find("run-d"));
        Directory.Delete(_root["run-c"], recursive: true);
        Assert.Contains("fits 2 runs in", Assert.Throws<RequestException>(() => reader.Find("run-")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DefaultStore_IsNotAskedForRunsWithoutAFolder()
    {
        using (ResultStore store = ResultStore.Open(_root.Path)) Index(store, "run-a");
        var reader = new RunReader(_root.Path);

        Assert.Empty(reader.List());
        Assert.Null(reader.FindId("run-a"));
        Assert.Throws<RequestException>(() => reader.Load("run-a"));
    }

    [Fact]
    public void LargeFolder_IsReadFromTheStore_OnlyWhileThatHasAllOfIt()
    {
        CellResult large = SampleRun.Make().Cells.First(c => c.Metric("tg_tps") is not null);
        double[] samples = [.. Enumerable.Repeat(1234.5678901234, 1 << 20)];
        large = large with { Metrics = [.. large.Metrics.Select(m => m.Name == "tg_tps" ? m with { Samples = samples } : m)] };
        using (RunFolder folder = RunFolder.Create(_root.Path, SampleRun.Info("run-a") with { CellCount = 2 })) folder.Append(large);
        Assert.NotNull(Samples()); // there is no store yet
        using (ResultStore store = ResultStore.Open(_root.Path)) Assert.Equal(1, store.CatchUp());

        Assert.Null(Samples());
        using (RunFolder folder = RunFolder.Open(_root["run-a"])) folder.Append(SampleRun.Make().Cells[0]);

        Assert.NotNull(Samples()); // the store misses a cell
        Assert.Equal(2, new RunReader(_root.Path).Load("run-a").Cells.Length);

        double[]? Samples() =>
            new RunReader(_root.Path).Load("run-a", "tg_tps").Cells.Select(c => c.Metric("tg_tps")).OfType<Measurement>().Single().Samples;
    }

    private void Record(string id)
    {
        using RunFolder folder = RunFolder.Create(_root.Path, SampleRun.Info(id));
        foreach (CellResult cell in SampleRun.Make().Cells) folder.Append(cell);
    }

    private static void Index(ResultStore store, params string[] ids)
    {
        foreach (string id in ids) store.IndexWhole(SampleRun.Info(id), Path.Combine(store.Root, id), SampleRun.Make().Cells);
    }
}
