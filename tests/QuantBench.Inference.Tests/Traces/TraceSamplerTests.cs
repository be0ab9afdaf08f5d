using System.Security.Cryptography;
using System.Text;
using QuantBench.Models.Traces;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Traces;

// This project runs once per instruction-set level: each must give these bytes.
public sealed class TraceSamplerTests
{
    private static readonly string s_model = RepositoryRoot.Combine("datasets", "reference-model");

    [Fact]
    public void Sample_GivesTheSameBytesEverywhere()
    {
        string[] texts = TraceSampler.Sample(s_model, 1, 18, 12, CancellationToken.None);

        Assert.Equal("4de0a4804adddf3f2ddb1a32bd14ec7fb3c82debc5dad079cd20f160d0ddc7f4",
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join("\n\n", texts)))));
    }

    [Fact]
    public void Sample_GivesEachDocumentItsOwnStream()
    {
        string[] texts = TraceSampler.Sample(s_model, 1, 18, 6, CancellationToken.None);

        Assert.Equal(texts[..3], TraceSampler.Sample(s_model, 1, 3, 6, CancellationToken.None));
        Assert.True(texts.Distinct().Count() > 9, string.Join('|', texts)); // some begin alike
        Assert.NotEqual(texts[0], TraceSampler.Sample(s_model, 2, 1, 6, CancellationToken.None)[0]);
    }

    [Fact]
    public void Sample_Refuses_WhatTheModelCantHold() =>
        Assert.ThrowsAny<ArgumentException>(() => TraceSampler.Sample(s_model, 1, 1, 4096, CancellationToken.None));

    [Fact]
    public void Sample_Stops_WhenCancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.ThrowsAny<OperationCanceledException>(() => TraceSampler.Sample(s_model, 1, 1, 8, source.Token));
    }
}
