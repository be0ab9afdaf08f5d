using BenchmarkDotNet.Attributes;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;

namespace QuantBench.Microbenchmarks.Results;

/// <summary>How long does recording a finished cell take until it is durable? Mirrors what the recorder does between two cells; the disk's
/// flush is most of it.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class CellAppendBenchmarks
{
    private string _root = "";
    private RunFolder? _folder;
    private CellResult? _result;

    /// <summary>Raw samples of the cell's timing.</summary>
    [Params(10, 4096)]
    public int Samples { get; set; }

    /// <summary>Makes a run's folder.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _root = Directory.CreateTempSubdirectory("quantbench-").FullName;
        RunInfo info = SampleCells.Run();
        _folder = RunFolder.Create(_root, info);
        _result = SampleCells.Make(0, Samples);
    }

    /// <summary>Appends one line and flushes it to the disk.</summary>
    [Benchmark(Baseline = true)]
    public void Append() => _folder!.Append(_result!); // set up before

    /// <summary>Removes the folder.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        _folder?.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
