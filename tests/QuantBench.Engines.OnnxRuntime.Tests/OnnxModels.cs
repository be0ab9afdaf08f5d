using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Artifacts;
using QuantBench.Inference.Engines;
using QuantBench.TestKit;

namespace QuantBench.Engines.OnnxRuntime.Tests;

/// <summary>Loads models through the engine and runs them token by token.</summary>
internal static class OnnxModels
{
    public static OnnxRuntimeEngine Engine() => (OnnxRuntimeEngine)OnnxRuntimeEngine.Registration.Create(
        new EngineEnvironment { Log = _ => { }, Root = RepositoryRoot.Directory });

    public static Artifact Artifact(string path, string variant = "onnx:fp32") =>
        new(path, Variant.Parse(variant), new string('0', 64), 1, 1, 1);

    public static ILoadedModel Load(string path, CellSettings? settings = null, string? outputFolder = null)
    {
        using OnnxRuntimeEngine engine = Engine();
        var options = new LoadOptions
        {
            Threads = 2,
            Settings = (settings ?? CellSettings.Empty).With("ort_spinning", "off"),
            OutputFolder = outputFolder
        };
        return engine.Load(Artifact(path), "cpu", options, CancellationToken.None);
    }

    public static IInferenceSession Session(ILoadedModel model, int context = 128, int sequences = 1, int batch = 2048,
        int microBatch = 512) => model.CreateSession(new SessionOptions
        {
            ContextLength = context,
            Sequences = sequences,
            Threads = 2,
            BatchTokens = batch,
            MicroBatchTokens = microBatch,
            KvType = "f32",
            FlashAttention = "off",
        });

    /// <summary>Appends tokens to one sequence; logits of all of them, one row after the other.</summary>
    public static float[] Append(IInferenceSession session, ReadOnlySpan<int> tokens, int sequence = 0)
    {
        var batch = new TokenBatch();
        foreach (int token in tokens) batch.Add(token, sequence, logitsWanted: true);
        session.Append(batch, CancellationToken.None);
        return Rows(session, batch.LogitRows);
    }

    /// <summary>Rows of the last append.</summary>
    public static float[] Rows(IInferenceSession session, int rows)
    {
        var all = new List<float>();
        for (int row = 0; row < rows; row++) all.AddRange(session.Logits(row));
        return [.. all];
    }

    /// <summary>Perplexity over the second halves of chunks, as llama-perplexity scores them.</summary>
    public static double Perplexity(ILoadedModel model, ReadOnlySpan<int> tokens, int chunks, int length)
    {
        using IInferenceSession session = Session(model, context: length);
        double sum = 0;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            session.Reset();
            ReadOnlySpan<int> here = tokens.Slice(chunk * length, length);
            var batch = new TokenBatch();
            for (int i = 0; i < length; i++) batch.Add(here[i], 0, i >= length / 2 && i < length - 1);
            session.Append(batch, CancellationToken.None);
            for (int row = 0; row < batch.LogitRows; row++) sum -= LogProbability(session.Logits(row), here[(length / 2) + row + 1]);
        }

        return Math.Exp(sum / (chunks * ((length / 2) - 1)));
    }

    private static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        double most = double.NegativeInfinity;
        foreach (float logit in logits) most = Math.Max(most, logit);
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - most);
        return logits[token] - most - Math.Log(sum);
    }
}
