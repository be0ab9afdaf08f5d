using QuantBench.Core.Cells;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Commands;

/// <summary>Seven stored runs, the last two of them slower; made once for a class of tests.</summary>
public sealed class StoredRuns : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public StoredRuns()
    {
        for (int i = 0; i < 7; i++)
        {
            RunRecord run = SampleRun.Make($"run-{i}", speed: i < 5 ? 1 : 0.9, seed: i);
            using RunFolder folder = RunFolder.Create(Path, SampleRun.Info(run.Info.Id, i * 60));
            foreach (CellResult cell in run.Cells) folder.Append(cell);
        }

        using ResultStore store = ResultStore.Open(Path);
        store.Reindex();
    }

    /// <summary>The results root.</summary>
    public string Path => _directory.Path;

    public void Dispose() => _directory.Dispose();
}
