using System.Runtime.InteropServices;
using QuantBench.Engines.LlamaCpp;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Inference.Engines;
using QuantBench.Models.Conversion;
using QuantBench.Models.Mlx;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>
/// The reference model in the types that make up every GGUF scheme, beside llama.cpp on the same file, and as MLX beside BF16. The command
/// <c>tests/parity/run.sh DIR managed</c> measures every scheme on more text.
/// </summary>
public sealed class ReferenceQualityTests
{
    private const int Chunk = 512;

    private static readonly string s_source = RepositoryRoot.Combine("datasets/reference-model");
    private static readonly string s_f32 = Models.ScratchFile("quality-F32.gguf");
    private static readonly Lazy<int[]> s_tokens = new(() =>
        ModelSource.OpenTokenizer(ModelSource.Open(s_source)).Encode(ReferenceText.Start(20_000)));

    /// <summary>Type, allowed relative deviation of perplexity, mean difference of true tokens' log-probabilities in nats, mean KL in
    /// nats.</summary>
    public static TheoryData<GgmlType, double, double, double> Bounds => new()
    {
        { GgmlType.F32, 1e-4, 1e-3, 1e-6 },
        { GgmlType.F16, 1e-3, 1e-3, 1e-5 },
        { GgmlType.BF16, 1e-3, 1e-2, 1e-4 },
        { GgmlType.Q8_0, 5e-3, 0.05, 1e-3 },
        { GgmlType.Q6_K, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q5_K, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q4_K, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q3_K, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q4_0, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q4_1, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q5_0, 5e-3, 0.05, 2e-3 },
        { GgmlType.Q5_1, 5e-3, 0.05, 2e-3 },
        { GgmlType.IQ4_NL, 5e-3, 0.05, 2e-3 },
    };

    [Theory]
    [MemberData(nameof(Bounds))]
    public void Quality_IsLlamaCpps_OnTheSameFile(GgmlType type, double perplexityBound, double differenceBound, double divergenceBound)
    {
        string path = Write(type);
        using LlamaCppEngine llama = LlamaCppEngine.Create(new EngineEnvironment { Log = _ => { }, Root = Models.Root });
        float[][] expected;
        using (ILoadedModel model =
            llama.Load(Models.Artifact(path), "cpu", new LoadOptions { Threads = 2 }, CancellationToken.None)) expected = Scored(model, 1);
        using ILoadedModel own = Models.Load(path, Models.Devices[^1]);
        float[][] actual = Scored(own, 1);

        double nllExpected = 0, nllActual = 0, difference = 0, divergence = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            int target = s_tokens.Value[(Chunk / 2) + i + 1];
            double a = Models.LogProbability(expected[i], target), b = Models.LogProbability(actual[i], target);
            nllExpected -= a;
            nllActual -= b;
            difference += Math.Abs(a - b);
            divergence += Divergence(expected[i], actual[i]);
        }

        int n = expected.Length;
        Assert.InRange(Math.Exp((nllActual - nllExpected) / n), 1 - perplexityBound, 1 + perplexityBound);
        Assert.True(difference / n <= differenceBound, $"{type}: mean difference {difference / n:E2} nats");
        Assert.True(divergence / n < divergenceBound, $"{type}: mean KL {divergence / n:E2} nats");
    }

    [Fact]
    public void Perplexity_RisesAsMlxBitsFall_AndIsBF16sAt8()
    {
        string floats = Models.ScratchFile("quality-bf16");
        HuggingFaceToSafetensors.Convert(s_source, floats, SafetensorsDType.BF16, new Progress<double>(), CancellationToken.None);
        double reference = Perplexity(floats);
        var ratios = new List<double>();
        foreach (int bits in new[] { 8, 6, 5, 4, 3, 2 })
        {
            string directory = Models.ScratchFile($"quality-mlx-{bits}");
            HuggingFaceToMlx.Convert(s_source, directory, new MlxQuantization(bits, 64), new Progress<double>(), CancellationToken.None);
            ratios.Add(Perplexity(directory) / reference);
        }

        Assert.InRange(ratios[0], 0.997, 1.003);
        Assert.Equal(ratios[2..].Order(), ratios[2..]); // from 5 bits on the loss is larger than the noise of three chunks
    }

    private static double Perplexity(string directory)
    {
        using ILoadedModel model = Models.Load(directory, Models.Devices[^1]);
        float[][] logits = Scored(model, 3);
        double nll = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            (int chunk, int within) = Math.DivRem(i, (Chunk / 2) - 1);
            nll -= Models.LogProbability(logits[i], s_tokens.Value[(chunk * Chunk) + (Chunk / 2) + within + 1]);
        }

        return Math.Exp(nll / logits.Length);
    }

    /// <summary>Logits of the second half of each chunk, but for its last token.</summary>
    private static float[][] Scored(ILoadedModel model, int chunks)
    {
        using IInferenceSession session = Models.Session(model, threads: 2, context: Chunk);
        var scored = new List<float[]>();
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            session.Reset();
            scored.AddRange(Models.Run(session, s_tokens.Value.AsSpan(chunk * Chunk, Chunk))[(Chunk / 2)..^1]);
        }

        return [.. scored];
    }

    private static double Divergence(float[] expected, float[] actual)
    {
        double mostA = expected.Max(), mostB = actual.Max(), sumA = 0, sumB = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            sumA += Math.Exp(expected[i] - mostA);
            sumB += Math.Exp(actual[i] - mostB);
        }

        double shift = mostB + Math.Log(sumB) - mostA - Math.Log(sumA), divergence = 0;
        for (int i = 0; i < expected.Length; i++) divergence += Math.Exp(expected[i] - mostA) / sumA * (expected[i] - actual[i] + shift);
        return divergence;
    }

    /// <summary>Every matrix of the reference model in one type, by our own encoder: both engines read the same bytes, however well they
    /// were chosen.</summary>
    private static string Write(GgmlType type)
    {
        if (!File.Exists(s_f32)) HuggingFaceToGguf.Convert(s_source, s_f32, GgmlType.F32, new Progress<double>(), CancellationToken.None);
        if (type == GgmlType.F32) return s_f32;
        string path = Models.ScratchFile($"quality-{type}.gguf");
        using GgufReader source = GgufReader.Open(s_f32);
        IBlockCodec encoder = GgmlTypes.Codec(type);
        using var writer = new GgufWriter(
            File.Create(path), source.Metadata,
            [.. source.Tensors.Select(t => new GgufTensorSpec(t.Name, t.Dimensions.Length > 1 ? type : t.Type, t.Dimensions))]);
        foreach (GgufTensorInfo tensor in source.Tensors)
        {
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(source.Span(tensor));
            if (tensor.Dimensions.Length == 1)
            {
                writer.Append(source.Span(tensor));
                continue;
            }

            byte[] blocks = new byte[GgmlTypes.ByteSize(type, values.Length)];
            encoder.Quantize(values, blocks);
            writer.Append(blocks);
        }

        writer.Complete();
        return path;
    }
}
