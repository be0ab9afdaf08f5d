using QuantBench.Inference.Engines;
using QuantBench.Models.Directories;
using QuantBench.Models.Mlx;
using QuantBench.Models.Weights;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>MLX, GPTQ and AWQ directories, against directories of the floats that they stand for.</summary>
public sealed class PackedDirectoryTests
{
    public static TheoryData<int, int> MlxSettings
    {
        get
        {
            var settings = new TheoryData<int, int>();
            foreach (int bits in new[] { 2, 3, 4, 5, 6, 8 })
            {
                foreach (int group in new[] { 32, 64, 128 }) settings.Add(bits, group);
            }

            return settings;
        }
    }

    [Theory]
    [InlineData("gptq")]
    [InlineData("gptq-act-order")]
    [InlineData("awq")]
    public void LogProbabilities_AreThoseOfTheFloats(string format)
    {
        (string packed, string floats) = PackedWeights.Write(format);

        foreach (string device in Models.Devices) AssertSame(floats, packed, device);
    }

    /// <summary>Feed-forward rows of 192 don't fit groups of 128, so those models are mixed.</summary>
    [Theory]
    [MemberData(nameof(MlxSettings))]
    public void LogProbabilities_AreThoseOfTheFloats_WhenMlxQuantized(int bits, int group)
    {
        string source = RandomDirectory.Write("qwen3-tied", layers: 2);
        string packed = Models.ScratchFile($"mlx-{bits}-{group}"), floats = packed + "-floats";
        HuggingFaceToMlx.Convert(source, packed, new MlxQuantization(bits, group), new Progress<double>(), CancellationToken.None);
        WriteFloats(packed, floats);

        AssertSame(floats, packed, Models.Devices[^1]);
        if (bits is 3 or 4 && group == 64) AssertSame(floats, packed, "scalar");
    }

    /// <summary>Experts are gathered in one tensor per layer; routers have 8 bits.</summary>
    [Theory]
    [InlineData("qwen3moe", "4")]
    [InlineData("qwen2moe", "8")]
    [InlineData("mixtral", "6")]
    [InlineData("qwen3moe", "Mxfp4")]
    public void LogProbabilities_AreThoseOfTheFloats_WhenExpertsAreMlxQuantized(string name, string settings)
    {
        string source = RandomDirectory.Write(name, layers: 2);
        string packed = Models.ScratchFile($"mlx-{name}-{settings}"), floats = packed + "-floats";
        MlxQuantization quantization = Enum.TryParse(settings, out MlxMode mode) && !char.IsAsciiDigit(settings[0])
            ? new MlxQuantization(mode) : new MlxQuantization(settings[0] - '0', 32);
        HuggingFaceToMlx.Convert(source, packed, quantization, new Progress<double>(), CancellationToken.None);
        WriteFloats(packed, floats, name);

        AssertSame(floats, packed, Models.Devices[^1]);
        AssertSame(floats, packed, "scalar");
    }

    [Fact]
    public void Append_AllocatesNothing_WhenDecodingPackedWeights()
    {
        string mlx = Models.ScratchFile("mlx-allocation");
        HuggingFaceToMlx.Convert(RandomDirectory.Write("llama"), mlx, new MlxQuantization(4, 64), new Progress<double>(),
            CancellationToken.None);
        foreach (string directory in new[] { mlx, PackedWeights.Write("gptq").Packed, PackedWeights.Write("gptq-act-order").Packed,
            PackedWeights.Write("awq").Packed })
        {
            using ILoadedModel model = Models.Load(directory, Models.Devices[^1]);
            using IInferenceSession session = Models.Session(model, threads: 2, kvType: "q8_0");
            var one = new TokenBatch();
            one.Add(1, 0, true);
            var many = new TokenBatch();
            for (int i = 0; i < 16; i++) many.Add(i, 0, i == 15);
            for (int i = 0; i < 4; i++) session.Append(many, CancellationToken.None);
            for (int i = 0; i < 40; i++) session.Append(one, CancellationToken.None);
            long before = GC.GetAllocatedBytesForCurrentThread();

            for (int i = 0; i < 50; i++) session.Append(one, CancellationToken.None);
            for (int i = 0; i < 4; i++) session.Append(many, CancellationToken.None);

            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Fact]
    public void Memory_CountsPackedBytes()
    {
        (string packed, string floats) = PackedWeights.Write("awq");
        using ILoadedModel small = Models.Load(packed, Models.Devices[^1]);
        using ILoadedModel large = Models.Load(floats, Models.Devices[^1]);
        using IInferenceSession ofSmall = Models.Session(small);
        using IInferenceSession ofLarge = Models.Session(large);

        Assert.Equal(large.ParameterCount, small.ParameterCount);
        Assert.Equal(large.ParameterCount * 4, ofLarge.Memory.WeightsBytes);
        Assert.True(ofSmall.Memory.WeightsBytes < ofLarge.Memory.WeightsBytes * 0.5);
    }

    /// <summary>The weights as the reader of MLX's layout gives them; that it gives the right ones is its own golden test's
    /// matter.</summary>
    private static void WriteFloats(string packed, string floats, string name = "qwen3-tied")
    {
        using SafetensorsWeights weights = SafetensorsWeights.Open(packed);
        string[] modules = [
            .. weights.Model.Tensors.Keys.Where(n => n.EndsWith(".weight", StringComparison.Ordinal)).Select(n => n[..^".weight".Length])
                .Order(StringComparer.Ordinal)];
        var tensors = new List<(string, long[], float[])>();
        foreach (string module in modules)
        {
            if (weights.Model.Tensors[module + ".weight"].Shape is [var length])
            {
                tensors.Add((module + ".weight", [length], weights.Vector(module + ".weight", (int)length)));
                continue;
            }

            if (weights.Model.Tensors[module + ".weight"].Shape is [var experts, _, _])
            {
                IWeightMatrix all = weights.Matrix(module, (int)experts);
                int rows = all.Rows / (int)experts;
                for (int e = 0; e < experts; e++)
                {
                    float[] own = new float[rows * all.Columns];
                    all.ReadRows(e * rows, rows, own);
                    string part = module.Split('.')[^1];
                    if (name == "mixtral") part = part switch { "gate_proj" => "w1", "up_proj" => "w3", _ => "w2" };
                    tensors.Add(($"{module[..module.LastIndexOf(".switch_mlp", StringComparison.Ordinal)]}.experts.{e}.{part}.weight",
                        [rows, all.Columns], own));
                }

                continue;
            }

            IWeightMatrix matrix = weights.Matrix(module);
            float[] values = new float[matrix.Rows * matrix.Columns];
            matrix.ReadRows(0, matrix.Rows, values);
            tensors.Add((module + ".weight", [matrix.Rows, matrix.Columns], values));
        }

        foreach (string bias in weights.Model.Tensors.Keys.Where(n => n.EndsWith(".bias", StringComparison.Ordinal)))
        {
            int length = (int)weights.Model.Tensors[bias].ElementCount;
            tensors.Add((bias, [length], weights.Vector(bias, length)));
        }

        RandomDirectory.WriteFiles(floats, RandomDirectory.Config(name, 2), tensors);
    }

    private static void AssertSame(string expected, string actual, string device)
    {
        int[] tokens = Models.Tokens(40, RandomDirectory.Vocabulary);
        using ILoadedModel a = Models.Load(expected, device);
        using ILoadedModel b = Models.Load(actual, device);
        using IInferenceSession expectedSession = Models.Session(a, threads: 2);
        using IInferenceSession actualSession = Models.Session(b, threads: 2);

        // Many tokens at once, then one by one: the two ways rows are read.
        float[][] expectedLogits = [.. Models.Run(expectedSession, tokens.AsSpan(0, 36)), .. OneByOne(expectedSession, tokens)];
        float[][] actualLogits = [.. Models.Run(actualSession, tokens.AsSpan(0, 36)), .. OneByOne(actualSession, tokens)];
        for (int i = 0; i < tokens.Length; i++)
        {
            for (int t = 0; t < expectedLogits[i].Length; t++) Assert.Equal(expectedLogits[i][t], actualLogits[i][t], 1e-3f);
        }
    }

    private static IEnumerable<float[]> OneByOne(IInferenceSession session, int[] tokens)
    {
        for (int i = 36; i < tokens.Length; i++) yield return Models.Run(session, tokens.AsSpan(i, 1))[0];
    }
}
