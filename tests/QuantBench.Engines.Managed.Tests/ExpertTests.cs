using QuantBench.Engines.Managed.Graph;
using QuantBench.Inference.Engines;
using QuantBench.Models.Architectures;
using QuantBench.Models.Graphs;
using QuantBench.Models.Sources;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>Experts: one token or many, with any number of threads, choose and compute the same.</summary>
public sealed class ExpertTests
{
    private static readonly int[] s_tokens = Models.Tokens(23, 320);

    [Theory]
    [InlineData("llama-experts")]
    [InlineData("qwen2moe")]
    [InlineData("gptoss")]
    [InlineData("deepseek2")]
    public void Append_GivesTheSame_TokenByTokenAndAtOnce(string name)
    {
        foreach (string device in Models.Devices)
        {
            using ILoadedModel model = Models.Load(Models.Path(LlamaCppAgreementTests.Shape(name), "F32"), device);
            using IInferenceSession whole = Models.Session(model, threads: 2), single = Models.Session(model, threads: 3);
            float[][] expected = Models.Run(whole, s_tokens);

            for (int i = 0; i < s_tokens.Length; i++)
            {
                float[] logits = Models.Run(single, s_tokens.AsSpan(i, 1))[0];
                for (int j = 0; j < logits.Length; j++) Assert.Equal(expected[i][j], logits[j], 2e-3f);
            }
        }
    }

    [Theory]
    [InlineData("qwen3moe", "Q4_K_M")]
    [InlineData("qwen2moe", "Q8_0")]
    [InlineData("gptoss", "F16")]
    [InlineData("deepseek2", "Q8_0")]
    public void Append_GivesTheSameBits_WithAnyNumberOfThreads(string name, string scheme)
    {
        using ILoadedModel model = Models.Load(Models.Path(LlamaCppAgreementTests.Shape(name), scheme), Models.Devices[^1]);
        using IInferenceSession one = Models.Session(model, threads: 1), three = Models.Session(model, threads: 3);

        Assert.Equal(Models.Run(one, s_tokens), Models.Run(three, s_tokens));
        Assert.Equal(Models.Run(one, [1])[0], Models.Run(three, [1])[0]);
    }

    [Theory]
    [InlineData("qwen2moe")]
    [InlineData("deepseek2")]
    public void Append_AllocatesNothing_WhenDecoding(string name)
    {
        using ILoadedModel model = Models.Load(Models.Path(LlamaCppAgreementTests.Shape(name), "Q8_0"), Models.Devices[^1]);
        using IInferenceSession session = Models.Session(model, threads: 2, kvType: "f16");
        var batch = new TokenBatch();
        batch.Add(1, 0, true);
        for (int i = 0; i < 40; i++) session.Append(batch, CancellationToken.None);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++) session.Append(batch, CancellationToken.None);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData("llama-experts", new[] { 0.75f, 0.25f })] // shares of the two best, 3 : 1
    [InlineData("gptoss", new[] { 0.75f, 0.25f })]
    [InlineData("olmoe", new[] { 0.375f, 0.125f })] // of all, which are 8 in sum
    public void Choose_WeighsAsTheArchitectureDoes(string name, float[] expected)
    {
        DecoderShape shape = Shape(name) with { Experts = 6, ExpertsUsed = 2 };
        var routes = new ExpertRoutes(shape, 1);
        float[] shares = [1, 1, 3, 1, 1 + 1e-6f, 1]; // the fifth is a little better than its equals

        routes.Choose(0, [.. shares.Select(share => MathF.Log(share))]);
        routes.Group(1);

        Assert.Equal([2, 4], routes.SlotsOf(0).ToArray().Select(slot => routes.ExpertOf(slot)));
        float[] weights = routes.WeightsOf(0).ToArray();
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], weights[i], 1e-5f);
    }

    /// <summary>A bias chooses groups and experts, and what they are weighed by doesn't hold it.</summary>
    [Fact]
    public void Choose_LooksInTheBestGroups_AndWeighsWithoutTheBias()
    {
        DecoderShape shape = Shape("llama-experts") with
        {
            Experts = 8,
            ExpertsUsed = 2,
            Routing = new ExpertRouting(ExpertWeights.Normalised) { IsLogistic = true, Groups = 4, GroupsUsed = 2, Scale = 2 },
        };
        var routes = new ExpertRoutes(shape, 1);
        float[] chances = [0.9f, 0.1f, 0.5f, 0.6f, 0.2f, 0.3f, 0.1f, 0.4f]; // the best alone isn't of the best two groups

        routes.Choose(0, [.. chances.Select(chance => MathF.Log(chance / (1 - chance)))], [0, 0, 0, 0, 0.6f, 0, 0, 0.2f]);
        routes.Group(1);

        Assert.Equal([4, 3], routes.SlotsOf(0).ToArray().Select(slot => routes.ExpertOf(slot)));
        float[] weights = routes.WeightsOf(0).ToArray();
        Assert.Equal(2 * 0.2f / 0.8f, weights[0], 1e-5f);
        Assert.Equal(2 * 0.6f / 0.8f, weights[1], 1e-5f);
    }

    [Fact]
    public void Group_PutsTokensOfOneExpertTogether_AndKeepsThemInOrder()
    {
        DecoderShape shape = Shape("llama-experts") with { Experts = 4, ExpertsUsed = 2 };
        var routes = new ExpertRoutes(shape, 3);
        float[][] ratings = [[0, 9, 0, 5], [9, 0, 0, 5], [float.NaN, float.NaN, float.NaN, float.NaN]];
        for (int t = 0; t < ratings.Length; t++) routes.Choose(t, ratings[t]);

        routes.Group(3);

        Assert.Equal(3, routes.ActiveCount);
        Assert.Equal([(0, 0, 2), (1, 2, 2), (3, 4, 2)], Enumerable.Range(0, 3).Select(i => routes.Active(i)));
        Assert.Equal([1, 2, 0, 2, 0, 1], Enumerable.Range(0, 6).Select(i => routes.TokenOf(i)));
        Assert.Equal([2, 4], routes.SlotsOf(0).ToArray());
    }

    private static DecoderShape Shape(string name)
    {
        using IModelFile file = ModelFile.Open(Models.Path(LlamaCppAgreementTests.Shape(name), "F32"));
        return DecoderShape.Read(file);
    }
}
