using System.Collections.Immutable;
using QuantBench.Core.Variants;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>Small random models, written once per test run.</summary>
internal static class Models
{
    private static readonly string s_directory = Directory.CreateTempSubdirectory("quantbench-managed-").FullName;

    static Models() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(s_directory, recursive: true);

    public static string Root { get; } = FindRoot();

    /// <summary>Devices of this machine.</summary>
    public static ImmutableArray<string> Devices { get; } =
        [.. new ManagedEngine().Devices().Where(device => device.Support.IsSupported).Select(device => device.Id)];

    /// <summary>Kernels of this machine's vector devices, and the 128-bit ones, which compute the same on every processor.</summary>
    internal static ImmutableArray<KernelSet> VectorKernels { get; } =
        [.. Devices.Where(device => device.StartsWith("avx", StringComparison.Ordinal))
            .Select(device => device == "avx2" ? new Avx2Kernels() : (KernelSet)new Avx512Kernels()), new NeonKernels()];

    public static SyntheticShape Llama { get; } = new()
    {
        Name = "tiny-llama",
        Architecture = "llama",
        Layers = 3,
        Embedding = 256,
        FeedForward = 512,
        Heads = 8,
        KvHeads = 2,
        Vocabulary = 300,
        ContextLength = 512,
        TiesEmbeddings = false,
    };

    public static string Path(SyntheticShape shape, string scheme)
    {
        string path = System.IO.Path.Combine(s_directory, $"{shape.Name}-{scheme}.gguf");
        if (!File.Exists(path)) ModelSynthesizer.Write(path, shape, scheme, 7, CancellationToken.None);
        return path;
    }

    public static string ScratchFile(string name) => System.IO.Path.Combine(s_directory, name);

    public static Artifact Artifact(string path, string? variant = null)
    {
        bool isDirectory = Directory.Exists(path);
        variant ??= !isDirectory ? "gguf:F32" : DirectoryVariant.Quantized(path) ?? "safetensors:F32";
        return new(path, Variant.Parse(variant), new string('0', 64), isDirectory ? 1 : new FileInfo(path).Length, 1, 1);
    }

    public static ILoadedModel Load(string path, string device)
    {
        using var engine = new ManagedEngine();
        return engine.Load(Artifact(path), device, new LoadOptions { Threads = 1 }, CancellationToken.None);
    }

    public static IInferenceSession Session(
        ILoadedModel model, int threads = 1, int context = 256, int sequences = 1, int microBatch = 512, string kvType = "f32",
        string? valueType = null) =>
        model.CreateSession(new SessionOptions
        {
            ContextLength = context,
            Sequences = sequences,
            Threads = threads,
            MicroBatchTokens = microBatch,
            KvType = kvType,
            KvTypeOfValues = valueType,
            FlashAttention = "off",
        });

    public static int[] Tokens(int count, int vocabulary, int seed = 3)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
    }

    /// <summary>Appends tokens to one sequence and returns the logits of each.</summary>
    public static float[][] Run(IInferenceSession session, ReadOnlySpan<int> tokens, int sequence = 0)
    {
        var batch = new TokenBatch();
        foreach (int token in tokens) batch.Add(token, sequence, true);
        session.Append(batch, CancellationToken.None);
        return [.. Enumerable.Range(0, tokens.Length).Select(row => session.Logits(row).ToArray())];
    }

    /// <summary>Natural log-probability of a token.</summary>
    public static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        double most = double.NegativeInfinity;
        foreach (float logit in logits) most = Math.Max(most, logit);
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - most);
        return logits[token] - most - Math.Log(sum);
    }

    /// <summary>Log-probabilities of each token's successor.</summary>
    public static double[] Targets(IInferenceSession session, int[] tokens)
    {
        float[][] logits = Run(session, tokens);
        return [.. Enumerable.Range(0, tokens.Length - 1).Select(i => LogProbability(logits[i], tokens[i + 1]))];
    }

    /// <summary>
    /// How far a perplexity may lie from llama.cpp's in F32, as a share of it: 1e-4. Where llama.cpp looks GELU up in a table of halves
    /// (those cases have a wider bound of log-probabilities, too), each gate is off by up to 2^-11 of itself, and 1e-3 is asked for.
    /// </summary>
    public static double PerplexityBound(double tolerance) => tolerance < 1e-3 ? 1e-4 : 1e-3;

    /// <summary>Asserts that the perplexities of two lists of log-probabilities are the same.</summary>
    public static void SamePerplexity(double[] expected, double[] actual, double bound, string what)
    {
        double ratio = Math.Exp(expected.Average() - actual.Average());
        Assert.True(Math.Abs(ratio - 1) <= bound, $"{what}: perplexity is {ratio - 1:E2} off");
    }

    private static string FindRoot()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(System.IO.Path.Combine(at.FullName, "QuantBench.sln"))) at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("QuantBench.sln is in no parent directory");
    }
}
