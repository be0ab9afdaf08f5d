using BenchmarkDotNet.Attributes;
using QuantBench.Core.Cells;
using QuantBench.Results.Store;

namespace QuantBench.Microbenchmarks.Results;

/// <summary>How long does a finished cell take to reach the database? Mirrors what the recorder does after the cell's line is
/// durable.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class StoreIndexBenchmarks
{
    private string _root = "";
    private ResultStore? _store;
    private CellResult? _result;

    /// <summary>Raw samples of the cell's timing.</summary>
    [Params(10, 4096)]
    public int Samples { get; set; }

    /// <summary>Makes a store with one run.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _root = Directory.CreateTempSubdirectory("quantbench-").FullName;
        _store = ResultStore.Open(_root);
        _store.IndexRun(SampleCells.Run(), _root);
        _result = SampleCells.Make(0, Samples);
    }

    /// <summary>Writes the cell's rows, those of its last time replaced.</summary>
    [Benchmark(Baseline = true)]
    public void IndexCell() => _store!.IndexCell(SampleCells.RunId, _result!); // set up before

    /// <summary>Removes the store.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        _store?.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
