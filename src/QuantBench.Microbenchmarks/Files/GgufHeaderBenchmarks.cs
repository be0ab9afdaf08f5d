using BenchmarkDotNet.Attributes;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Synthesis;

namespace QuantBench.Microbenchmarks.Files;

/// <summary>How long does opening a model take before any weight is read? Mirrors every load: mapping the file and checking its header, a
/// vocabulary included.</summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class GgufHeaderBenchmarks
{
    private string _path = "";

    /// <summary>Tokens of the vocabulary: what most of a header is.</summary>
    [Params(4096, 151_936)]
    public int Vocabulary { get; set; }

    /// <summary>Writes a small model with a vocabulary of a real one's size.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _path = Path.Combine(Path.GetTempPath(), $"quantbench-{Guid.NewGuid():N}.gguf");
        var shape = new SyntheticShape
        {
            Name = "header",
            Architecture = "llama",
            Layers = 28,
            Embedding = 32,
            FeedForward = 64,
            Heads = 1,
            KvHeads = 1,
            Vocabulary = Vocabulary,
            ContextLength = 64,
        };
        ModelSynthesizer.Write(_path, shape, "Q8_0", 1, CancellationToken.None);
    }

    /// <summary>Opens the file.</summary>
    [Benchmark(Baseline = true)]
    public int Open()
    {
        using GgufReader reader = GgufReader.Open(_path);
        return reader.Tensors.Length;
    }

    /// <summary>Removes the file.</summary>
    [GlobalCleanup]
    public void CleanUp() => File.Delete(_path);
}
