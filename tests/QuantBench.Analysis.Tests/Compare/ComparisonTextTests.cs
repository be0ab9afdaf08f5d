using QuantBench.Analysis.Compare;

namespace QuantBench.Analysis.Tests.Compare;

public sealed class ComparisonTextTests
{
    [Theory]
    [InlineData("the first has e.g. 'm Q4_0 a' where the second has 'm Q4_0 b'", new[] { "m Q4_0 a" }, new[] { "m Q4_0 b" })]
    [InlineData("the cells of one have no figure in the other", new[] { "m Q4_0 a" }, new string[0])]
    public void Lead_SaysWhy_WhenTheSidesShareNothing(string reason, string[] onlyA, string[] onlyB)
    {
        string lead = ComparisonText.Lead(new RunComparison("one", "two", [], [], [.. onlyA], [.. onlyB]));

        Assert.Contains("two against one: they share nothing", lead, StringComparison.Ordinal);
        Assert.Contains(reason, lead, StringComparison.Ordinal);
    }
}
