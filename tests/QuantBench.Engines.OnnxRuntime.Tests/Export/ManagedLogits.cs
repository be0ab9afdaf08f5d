using QuantBench.Core.Variants;
using QuantBench.Engines.Managed;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>Logits of the managed engine, which multiplies float weights in floats.</summary>
internal static class ManagedLogits
{
    /// <summary>Logits of each token, from an empty cache of floats.</summary>
    public static float[] Of(string gguf, ReadOnlySpan<int> tokens)
    {
        using var engine = new ManagedEngine();
        string device = engine.Devices().Last(d => d.Support.IsSupported).Id;
        var artifact = new Artifact(gguf, Variant.Parse("gguf:F32"), new string('0', 64), new FileInfo(gguf).Length, 1, 1);
        using ILoadedModel model = engine.Load(artifact, device, new LoadOptions { Threads = 2 }, CancellationToken.None);
        using IInferenceSession session = model.CreateSession(
            new SessionOptions { ContextLength = tokens.Length, Threads = 2, KvType = "f32", FlashAttention = "off" });
        var batch = new TokenBatch();
        foreach (int token in tokens) batch.Add(token, 0, logitsWanted: true);
        session.Append(batch, CancellationToken.None);
        var logits = new List<float>(tokens.Length * model.VocabularySize);
        for (int row = 0; row < tokens.Length; row++) logits.AddRange(session.Logits(row));
        return [.. logits];
    }
}
