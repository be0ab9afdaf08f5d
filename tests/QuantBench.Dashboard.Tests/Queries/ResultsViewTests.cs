using QuantBench.Analysis.Tables;
using QuantBench.Dashboard.Queries;
using QuantBench.SampleData;

namespace QuantBench.Dashboard.Tests.Queries;

public sealed class ResultsViewTests
{
    private static readonly RunTable s_table = RunTableBuilder.Build(SampleRun.Make());

    [Theory]
    [InlineData("artifact_size", false, "gguf:TQ2_0")]
    [InlineData("artifact_size", true, "gguf:F32")]
    [InlineData("variant", false, "gguf:F16")]
    [InlineData("nonsense", false, "gguf:F32")] // as measured
    [InlineData(null, true, "gguf:F32")]
    public void Of_SortsByAColumn_AndKeepsRowsWithoutAFigureLast(string? sort, bool descending, string first)
    {
        ResultsView view = ResultsView.Of(s_table, sort, descending, null, 1);

        Assert.Equal(first, view.Rows[0].Variant.Id);
        if (sort == "artifact_size") Assert.Equal("gguf:IQ1_S", view.Rows[^1].Variant.Id); // its cell failed
        Assert.Equal(sort is "artifact_size" or "variant" ? sort : "", view.Sort);
    }

    [Theory]
    [InlineData("q4", 2)]
    [InlineData("Q4 llamacpp low", 2)]
    [InlineData("Q4 medium", 0)]
    [InlineData("", 11)]
    public void Of_KeepsRowsThatHaveEveryWord(string filter, int rows) =>
        Assert.Equal(rows, ResultsView.Of(s_table, null, false, filter, 7).Matching);
}
