using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;

namespace QuantBench.Core.Tests.Suites;

public sealed class PlacementReaderTests
{
    [Fact]
    public void Placement_IsReadWhole()
    {
        SuitePlacement placement = Read(
            "{ machines: [rack1, rack-2.b], labels: [isa=avx512, memory>=16GiB, gpu], priority: -3, lost_after: 2h, replace: true, "
                + "reconcile: keep_original }")!;

        Assert.Equal(["rack1", "rack-2.b"], placement.Machines.AsEnumerable());
        Assert.Equal(["isa=avx512", "memory>=16GiB", "gpu"], placement.Labels.AsEnumerable());
        Assert.Equal((false, -3, TimeSpan.FromHours(2), true, Reconcile.KeepOriginal),
            (placement.Any, placement.Priority, placement.LostAfter, placement.Replace, placement.Reconcile));
    }

    [Fact]
    public void Placement_ThatIsEmpty_IsEveryMachine_AndWithoutOneTheServerRunsIt()
    {
        SuitePlacement placement = Read("{}")!;

        Assert.True(placement.Machines.IsEmpty && placement.Labels.IsEmpty && !placement.Any && !placement.Replace);
        Assert.Equal((TimeSpan.FromMinutes(10), Reconcile.KeepReplacement), (placement.LostAfter, placement.Reconcile));
        Assert.Null(Read(null));
    }

    [Theory]
    [InlineData("{ machine: [a] }", "unknown key 'machine'")]
    [InlineData("{ machines: [a/b] }", "'a/b' can't be a machine's name")]
    [InlineData("{ machines: [a, a] }", "a machine 'a' is listed twice")]
    [InlineData("{ labels: [memory>16GiB] }", "'memory>16GiB' isn't a label")]
    [InlineData("{ labels: [memory>=lots] }", "'lots' in 'memory>=lots' is no number or size")]
    [InlineData("{ priority: 101 }", "'priority' must be a whole number from -100 to 100")]
    [InlineData("{ reconcile: keep_none }", "'reconcile' can't be 'keep_none'")]
    [InlineData("{ any: true, machines: [a] }", "'any' and 'machines' don't go together")]
    [InlineData("[a]", "placement must be a map")]
    public void Placement_ThatIsWrong_IsToldWithItsPlace(string text, string expected)
    {
        SuiteException e = Assert.Throws<SuiteException>(() => Read(text));

        Assert.Contains(expected.TrimEnd('\''), e.Message, StringComparison.Ordinal);
        Assert.Equal(6, e.Line);
    }

    private static SuitePlacement? Read(string? placement) => SuiteLoader.Parse(
        $$"""
        suite: tiny
        models: [{ id: reference, source: ./m }]
        variants: [gguf:F16]
        backends: [toy/cpu]
        workloads: [load]
        {{(placement is null ? "" : "placement: " + placement)}}
        """, "tiny.yaml", "/suites", EngineCatalog.None).Placement;
}
