using System.Collections.Concurrent;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Tests;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

// The native library, its log and file descriptors belong to the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace QuantBench.Engines.LLamaSharp.Tests;

[CollectionDefinition(Name)]
public sealed class LlamaCollection : ICollectionFixture<LlamaFixture>
{
    public const string Name = "LLamaSharp";
}

/// <summary>The engine on the natives that the build copied, with the reference model loaded on the CPU.</summary>
public sealed class LlamaFixture : IDisposable
{
    public LlamaFixture()
    {
        Engine = LLamaSharpEngine.Create(new EngineEnvironment { Log = LogLines.Enqueue, Root = ReferenceGguf.Root });
        F32 = Artifact(ReferenceGguf.F32Path(), "gguf:F32");
        Model = Engine.Load(F32, "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        Tokens = ModelSource.OpenTokenizer(ModelSource.Open(RepositoryRoot.Combine("datasets", "reference-model")))
            .Encode(ReferenceText.Start(20_000));
        Scratch = Directory.CreateTempSubdirectory("quantbench-llamasharp-").FullName;
    }

    public ConcurrentQueue<string> LogLines { get; } = new();

    public LLamaSharpEngine Engine { get; }

    public Artifact F32 { get; }

    public ILoadedModel Model { get; }

    /// <summary>The first 20,000 bytes of the reference text.</summary>
    public int[] Tokens { get; }

    public string Scratch { get; }

    public static Artifact Artifact(string path, string variant)
    {
        long bytes = File.Exists(path) ? new FileInfo(path).Length : 0;
        return new Artifact(path, Variant.Parse(variant), new string('0', 64), bytes, bytes, 1);
    }

    public IInferenceSession Session(int contextLength, int sequences = 1, int batchTokens = 2048, string kvType = "f16",
        string flashAttention = "auto", string? valueType = null) =>
        Model.CreateSession(new SessionOptions
        {
            ContextLength = contextLength,
            Sequences = sequences,
            BatchTokens = batchTokens,
            Threads = 2,
            KvType = kvType,
            KvTypeOfValues = valueType,
            FlashAttention = flashAttention,
        });

    public string ScratchFile(string name) => Path.Combine(Scratch, name);

    public void Dispose()
    {
        Model.Dispose();
        Engine.Dispose();
        Directory.Delete(Scratch, recursive: true);
    }
}
