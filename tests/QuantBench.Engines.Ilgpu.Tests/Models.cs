using QuantBench.Core.Variants;
using QuantBench.Engines.Managed;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Conversion;
using QuantBench.Models.Synthesis;
using QuantBench.TestKit;

namespace QuantBench.Engines.Ilgpu.Tests;

/// <summary>Small models, written once per test run, and sessions of this engine and of the managed one over them.</summary>
internal static class Models
{
    private static readonly string s_directory = Directory.CreateTempSubdirectory("quantbench-ilgpu-").FullName;

    static Models() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(s_directory, recursive: true);

    /// <summary>A random model of an architecture, with everything of it that kernels see: biases, norms, windows, caps, scaled
    /// rotation.</summary>
    public static SyntheticShape Shape(string name)
    {
        string architecture = name.StartsWith("command-r", StringComparison.Ordinal) ? "command-r"
            : name.StartsWith("gptoss", StringComparison.Ordinal) ? "gpt-oss" : name.Split('-')[0];
        var shape = new SyntheticShape
        {
            Name = name,
            Architecture = architecture,
            Layers = 7,
            Embedding = 256,
            FeedForward = 512,
            Heads = 4,
            KvHeads = 2,
            HeadWidth = architecture is "qwen3" or "gemma2" or "gemma3" or "qwen3moe" or "gpt-oss" ? 32 : 64,
            Vocabulary = 320,
            ContextLength = 256,
            TiesEmbeddings = architecture is not ("phi3" or "olmo2" or "glm4" or "nemotron" or "qwen2moe" or "gpt-oss" or "olmoe"),
            Window = architecture is "gemma2" or "gemma3" or "cohere2" or "gpt-oss" || name == "olmo2-window" ? 40 : 0,
        };
        return name switch
        {
            "granitemoe" => shape with { Experts = 8, ExpertsUsed = 3, ExpertFeedForward = 128, FeedForward = 128 },
            "olmoe" => shape with { KvHeads = 4, Experts = 8, ExpertsUsed = 3, ExpertFeedForward = 128, FeedForward = 128 },
            "gptoss-tiny" or "olmoe-tiny" => shape with
            {
                Layers = 2,
                Embedding = 32,
                FeedForward = 64,
                Heads = 2,
                KvHeads = 1,
                HeadWidth = 16,
                Vocabulary = 264,
                Experts = 5,
                ExpertsUsed = 2,
                Window = shape.Window > 0 ? 4 : 0,
            },
            "mistral3-tiny" => Tiny(shape) with { RopeScaling = ("yarn", 16), ContextLength = 48, Temperature = 0.3f },
            _ when name.EndsWith("-tiny", StringComparison.Ordinal) => Tiny(shape),
            "mistral3" => shape with { RopeScaling = ("yarn", 16), Temperature = 0.3f },
            "llama-experts" => shape with { Experts = 4, ExpertsUsed = 2 },
            "qwen2moe" => shape with { Experts = 12, ExpertsUsed = 3, ExpertFeedForward = 96, SharedFeedForward = 160 },
            "qwen3moe" => shape with { Experts = 16, ExpertsUsed = 4, ExpertFeedForward = 256 },
            "gptoss" => shape with { Experts = 8, ExpertsUsed = 3, ExpertFeedForward = 192, RopeScaling = ("yarn", 4) },
            "llama-factors" => shape with { HasRopeFactors = true, RopeBase = 500_000 },
            "llama-yarn" or "olmo2-window" => shape with { RopeScaling = ("yarn", 4) },
            _ => shape,
        };
    }

    private static SyntheticShape Tiny(SyntheticShape shape) =>
        shape with { Layers = 2, Embedding = 32, FeedForward = 64, Heads = 2, KvHeads = 1, HeadWidth = 16, Vocabulary = 264 };

    public static string Random(string name, string scheme)
    {
        string path = Path.Combine(s_directory, $"{name}-{scheme}.gguf");
        if (!File.Exists(path)) ModelSynthesizer.Write(path, Shape(name), scheme, 7, CancellationToken.None);
        return path;
    }

    public static string Reference(GgmlType type)
    {
        string path = Path.Combine(s_directory, $"reference-{type}.gguf");
        if (!File.Exists(path))
            HuggingFaceToGguf.Convert(RepositoryRoot.Combine("datasets", "reference-model"), path, type, new Progress<double>(),
                CancellationToken.None);
        return path;
    }

    public static Artifact Artifact(string path) =>
        new(path, Variant.Parse("gguf:F32"), new string('0', 64), new FileInfo(path).Length, 1, 1);

    public static ILoadedModel Load(ILogitsEngine engine, string path, string device) =>
        engine.Load(Artifact(path), device, new LoadOptions { Threads = 2 }, CancellationToken.None);

    public static IInferenceSession Session(ILoadedModel model, int context = 256, int sequences = 1, int microBatch = 512,
        string kvType = "f16") =>
        model.CreateSession(
            new SessionOptions
            {
                ContextLength = context,
                Sequences = sequences,
                Threads = 2,
                MicroBatchTokens = microBatch,
                KvType = kvType
            });

    /// <summary>Logits of each token, by the managed engine.</summary>
    public static float[][] Expected(string path, ReadOnlySpan<int> tokens)
    {
        using var engine = new ManagedEngine();
        using ILoadedModel model = Load(engine, path, "scalar");
        using IInferenceSession session = Session(model);
        return Run(session, tokens);
    }

    public static int[] Tokens(int count, int vocabulary)
    {
        var random = new Random(3);
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
}
