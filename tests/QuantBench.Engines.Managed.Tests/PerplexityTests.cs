using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Models.Conversion;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>The reference model on the first chunks of the test text, against llama-perplexity's own figures (see
/// Golden/README.md).</summary>
public sealed class PerplexityTests
{
    private const int Chunk = 512;

    // Running perplexity after each chunk.
    private static readonly double[] s_f32 = [42.9411, 35.1329, 30.2541];

    [NpmTheory(NpmPackage.Texts)]
    [InlineData(GgmlType.F32, "f16", 1e-4)]
    [InlineData(GgmlType.F16, "f16", 1e-3)]
    [InlineData(GgmlType.BF16, "f32", 1e-3)]
    public void Perplexity_IsLlamaCpps_ChunkByChunk(GgmlType type, string kvType, double tolerance)
    {
        string directory = Path.Combine(Models.Root, "datasets", "reference-model");
        string path = Models.ScratchFile($"reference-{type}.gguf");
        HuggingFaceToGguf.Convert(directory, path, type, new Progress<double>(), CancellationToken.None);
        int[] tokens = ModelSource.OpenTokenizer(ModelSource.Open(path)).Encode(ReferenceText.Sotu()[..20_000]);
        foreach (string device in Models.Devices.Where(device => device != "scalar"))
        {
            using ILoadedModel model = Models.Load(path, device);
            using IInferenceSession session = Models.Session(model, threads: 2, context: Chunk, kvType: kvType);
            double sum = 0;
            for (int chunk = 0; chunk < s_f32.Length; chunk++)
            {
                session.Reset();
                float[][] logits = Models.Run(session, tokens.AsSpan(chunk * Chunk, Chunk));
                for (int i = Chunk / 2; i < Chunk - 1; i++) sum -= Models.LogProbability(logits[i], tokens[(chunk * Chunk) + i + 1]);
                double perplexity = Math.Exp(sum / ((chunk + 1) * ((Chunk / 2) - 1)));
                Assert.InRange(perplexity / s_f32[chunk], 1 - tolerance, 1 + tolerance);
            }
        }
    }
}
