using QuantBench.Core.Traffic;

namespace QuantBench.Core.Tests.Traffic;

public sealed class ServiceObjectiveTests
{
    [Fact]
    public void Parse_ReadsTerms()
    {
        ServiceObjective? slo = ServiceObjective.Parse("ttft_p99 500ms, itl_p95: 50ms, e2e_p50=2s", out string? problem);

        Assert.Null(problem);
        ServiceTerm[] expected = [new(Latency.Ttft, 0.99, 500), new(Latency.Itl, 0.95, 50), new(Latency.E2e, 0.5, 2000)];
        Assert.Equal(expected, slo!.Terms.AsEnumerable()); // right as written
    }

    [Theory]
    [InlineData("ttft 500ms")] // which percentile?
    [InlineData("ttft_p99 500")] // of what?
    [InlineData("ttft_p100 1s")]
    [InlineData("speed_p99 1s")]
    [InlineData("0_p99 1s")] // an enum's number is no name
    [InlineData("ttft_p99 1s,")]
    public void Parse_SaysWhatIsWrong(string text)
    {
        Assert.Null(ServiceObjective.Parse(text, out string? problem));
        Assert.NotNull(problem);
    }
}
