using QuantBench.Runner.Datasets;

namespace QuantBench.Runner.Tests.Datasets;

public sealed class TextOverlapTests
{
    private static string Words(int from, int count, string between = " ") =>
        string.Join(between, Enumerable.Range(from, count).Select(i => $"w{i}"));

    [Theory]
    [InlineData(0, 100, 1)] // the same
    [InlineData(50, 100, 35.0 / 85)] // its second half: 50 words make 35 windows of the text's 85
    [InlineData(84, 100, 1.0 / 85)] // just a window
    [InlineData(85, 100, 0)] // a word less
    [InlineData(500, 100, 0)]
    [InlineData(0, 15, 0)] // shorter than a window
    public void Share_IsThatOfWindowsInTheOther(int from, int count, double expected)
    {
        Assert.Equal(expected, TextOverlap.Share(Words(0, 100), Words(from, count)), 1e-12);
    }

    [Fact]
    public void Share_DoesNotMindSpaces_ButWords()
    {
        Assert.Equal(1, TextOverlap.Share(Words(0, 40), Words(0, 40, " \r\n\t")));
        Assert.Equal(0, TextOverlap.Share(Words(0, 40), Words(0, 40).Replace("w", "v", StringComparison.Ordinal)));
        Assert.Equal(0, TextOverlap.Share("short", Words(0, 40)));
    }

    [Fact]
    public void MarkOf_NamesBothTexts_FromOneInAHundredOn()
    {
        var evaluated = new DatasetText("test", Words(0, 1015), "a", 1); // 1000 windows
        DatasetText Calibrated(int shared) => new("train", Words(5000, 100) + " " + Words(0, shared), "b", 1);

        Assert.Null(TextOverlap.MarkOf(evaluated, Calibrated(24))); // 9 windows
        Assert.Equal("calibrated on what it is evaluated on: 1 % of test stands in train", TextOverlap.MarkOf(evaluated, Calibrated(25)));
    }
}
