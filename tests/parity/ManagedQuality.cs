using System.Text.Json.Nodes;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Engines.Managed;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.Models.Sources;

namespace QuantBench.Parity;

/// <summary>
/// The managed engine beside llama.cpp on the same GGUF files, and on directories that llama.cpp can't read: perplexity, log-probabilities
/// of the true tokens, KL divergence. Both keep keys and values in F16 and compute attention without the flash path.
/// </summary>
/// <param name="commands">Prepares artifacts.</param>
/// <param name="root">The repository.</param>
/// <param name="model">Directory of the reference model.</param>
internal sealed class ManagedQuality(Commands commands, string root, string model)
{
    private const int Chunk = 512;
    private const int GgufChunks = 16;
    private const int ScalarChunks = 1;
    private const int DirectoryChunks = 32;

    private readonly string _device = FastestDevice();

    /// <summary>Measures everything and prints it.</summary>
    /// <param name="text">Text to evaluate.</param>
    /// <param name="schemes">GGUF schemes to measure; null = all, and the other formats too.</param>
    /// <returns>Targets missed.</returns>
    public int Measure(string text, string[]? schemes)
    {
        int[] tokens = ModelSource.OpenTokenizer(ModelSource.Open(model)).Encode(text);
        return Gguf(tokens, schemes) + (schemes is null ? Directories(tokens) : 0);
    }

    private int Gguf(int[] tokens, string[]? schemes)
    {
        string[] variants = [
            .. QuantSchemes.All.Where(s => s.Format == "gguf" && schemes?.Contains(s.Name) != false)
                .Select(s => $"gguf:{s.Name}{(s.NeedsImportanceMatrix ? "+imatrix" : "")}")];
        IReadOnlyList<JsonObject> artifacts = commands.Prepare(model, variants);
        Console.WriteLine(
            $"managed/{_device} over llama.cpp, {GgufChunks} chunks of {Chunk}; on managed/scalar inputs of products aren't rounded, "
                + $"{ScalarChunks} chunk(s); inputs '8 bits': rounded in at least one product on {_device}");
        Console.WriteLine(
            $"{"variant",-22} {"llama.cpp",11} {"managed",11} {"deviation",10} {"allowed",8} {"mean |Δ ln p|",14} {"mean KL",10} "
                + $"{"scalar KL",10} {"inputs",8}");
        int missed = 0;
        using var managed = new ManagedEngine();
        using LlamaCppEngine llama = LlamaCppEngine.Create(new EngineEnvironment { Log = _ => { }, Root = root });
        foreach ((string name, JsonObject artifact) in variants.Zip(artifacts))
        {
            Variant variant = Variant.Parse(name);
            string path = artifact["path"]?.GetValue<string>()
                ?? throw new InvalidOperationException($"{name} wasn't made: {artifact.ToJsonString()}");
            Scores theirs = Run(llama, "cpu", path, variant, tokens, GgufChunks);
            Scores ours = Run(managed, _device, path, variant, tokens, GgufChunks, theirs);
            Scores scalar = Run(managed, "scalar", path, variant, tokens, ScalarChunks, theirs);
            double deviation = Math.Abs((ours.Perplexity / theirs.Perplexity) - 1);
            double allowed = variant.Scheme.Name switch { "F32" => 1e-4, "F16" or "BF16" => 1e-3, _ => 5e-3 };
            bool holds = deviation <= allowed
                && (variant.Scheme.Name is not ("F32" or "F16") || ours.MeanDifference <= 1e-3)
                && (variant.Scheme.Name != "Q8_0" || ours.MeanDivergence < 1e-3);
            if (!holds) missed++;
            Console.WriteLine(
                $"{variant.ShortName,-22} {theirs.Perplexity,11:F4} {ours.Perplexity,11:F4} {deviation,10:P4} {allowed,8:P2} "
                    + $"{ours.MeanDifference,14:E2} {ours.MeanDivergence,10:E2} "
                + $"{scalar.MeanDivergence,10:E2} {(ours.RoundsInputs(scalar) ? "8 bits" : "floats"),8} {(holds ? "" : "MISSED")}");
        }

        return missed;
    }

    private int Directories(int[] tokens)
    {
        string[] variants =
        [
            "safetensors:BF16", "safetensors:F32", "safetensors:F16",
            .. QuantSchemes.All.Where(s => s.Format == "mlx").Select(s => $"mlx:{s.Name}"),
        ];
        IReadOnlyList<JsonObject> artifacts = commands.Prepare(model, variants);
        Console.WriteLine($"managed/{_device} on directories, {DirectoryChunks} chunks of {Chunk}; inputs of products are floats");
        Console.WriteLine($"{"variant",-22} {"perplexity",11} {"over BF16",10} {"allowed",8} {"bits/weight",12} {"KL to BF16",11}");
        int missed = 0;
        Scores? reference = null;
        using var managed = new ManagedEngine();
        foreach ((string name, JsonObject artifact) in variants.Zip(artifacts))
        {
            Variant variant = Variant.Parse(name);
            string path = artifact["path"]?.GetValue<string>()
                ?? throw new InvalidOperationException($"{name} wasn't made: {artifact.ToJsonString()}");
            Scores scores = Run(managed, _device, path, variant, tokens, DirectoryChunks, reference);
            reference ??= scores;
            double change = (scores.Perplexity / reference.Perplexity) - 1;
            double? allowed = variant switch
            { { Format: "mlx", Scheme.NominalBits: 8 } => 3e-3, { Format: "safetensors" } => 1e-3,
                _ => null
            };
            bool holds = allowed is not { } limit || Math.Abs(change) <= limit;
            if (!holds) missed++;
            ArtifactSize size = ArtifactInspector.Inspect(variant.Format, path);
            Console.WriteLine(
                $"{variant.Id,-22} {scores.Perplexity,11:F4} {change,10:P3} {(allowed is { } a ? a.ToString("P2", null) : "-"),8} "
                    + $"{size.WeightBytes * 8.0 / size.ParameterCount,12:F3} "
                + $"{scores.MeanDivergence,11:E2} {(holds ? "" : "MISSED")}");
        }

        return missed;
    }

    private static string FastestDevice()
    {
        using var engine = new ManagedEngine();
        return engine.Devices().Last(device => device.Support.IsSupported).Id;
    }

    private static Scores Run(ILogitsEngine engine, string device, string path, Variant variant, int[] tokens, int chunks,
        Scores? reference = null)
    {
        var artifact = new Artifact(path, variant, new string('0', 64), 1, 1, 1);
        using ILoadedModel loaded = engine.Load(artifact, device, new LoadOptions { Threads = 2 }, CancellationToken.None);
        using IInferenceSession session = loaded.CreateSession(
            new SessionOptions
            {
                ContextLength = Chunk,
                Threads = 2,
                KvType = "f16",
                FlashAttention = "off",
                BatchTokens = Chunk,
                MicroBatchTokens = Chunk
            });
        var scores = new Scores(chunks, Chunk, loaded.VocabularySize, reference);
        var batch = new TokenBatch();
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            session.Reset();
            batch.Clear();
            for (int i = 0; i < Chunk; i++) batch.Add(tokens[(chunk * Chunk) + i], 0, i >= Chunk / 2);
            session.Append(batch, CancellationToken.None);
            for (int i = Chunk / 2; i < Chunk - 1; i++) scores.Add(session.Logits(i - (Chunk / 2)), tokens[(chunk * Chunk) + i + 1]);
        }

        return scores;
    }
}
