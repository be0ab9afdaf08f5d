using System.Collections.Concurrent;
using System.Collections.Immutable;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Native;
using QuantBench.Engines.LlamaCpp.Sessions;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

// The native library, its log and file descriptors belong to the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace QuantBench.Engines.LlamaCpp.Tests;

[CollectionDefinition(Name)]
public sealed class LlamaCollection : ICollectionFixture<LlamaFixture>
{
    public const string Name = "llama.cpp";
}

/// <summary>The engine on the pinned build, with the reference model loaded on the CPU.</summary>
public sealed class LlamaFixture : IDisposable
{
    public LlamaFixture()
    {
        Environment = new EngineEnvironment
        {
            Log = LogLines.Enqueue,
            Root = ReferenceGguf.Root,
            // Another build to run these tests on.
            NativeDirectories = System.Environment.GetEnvironmentVariable(LlamaInstallation.Variable) is { Length: > 0 } named
                ? ImmutableSortedDictionary<string, string>.Empty.Add(LlamaInstallation.EngineName, named)
                : ImmutableSortedDictionary<string, string>.Empty,
        };
        Engine = LlamaCppEngine.Create(Environment);
        F32 = Artifact(ReferenceGguf.F32Path(), "gguf:F32");
        Model = Engine.Load(F32, "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None);
        using LlamaTokenizer tokenizer = LlamaTokenizer.Load(Library, F32.Path);
        Tokens = tokenizer.Encode(ReferenceText.Start(20_000));
        Scratch = Directory.CreateTempSubdirectory("quantbench-llamacpp-").FullName;
    }

    /// <summary>How the build under test calls itself: the pinned one by its release, LLamaSharp's by its commit.</summary>
    public string Version => Library.Installation.Release ?? NativeParameters.EarlierCommit;

    public ConcurrentQueue<string> LogLines { get; } = new();

    public EngineEnvironment Environment { get; }

    public LlamaCppEngine Engine { get; }

    public Artifact F32 { get; }

    public ILoadedModel Model { get; }

    /// <summary>The first 20,000 bytes of the reference text, by llama.cpp's own tokenizer.</summary>
    public int[] Tokens { get; }

    public string Scratch { get; }

    internal LlamaLibrary Library => LlamaLibrary.Load(LlamaInstallation.Locate(Environment));

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
