using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Tests.Text;

public sealed class LinkTests
{
    [Fact]
    public void With_ReplacesOneName_AndKeepsTheOthers() =>
        Assert.Equal("/runs?suite=a%20b&page=2", Link.With("http://localhost/runs?page=1&suite=a+b", ("page", "2")));

    [Fact]
    public void With_LeavesOutWhatIsEmpty() => Assert.Equal("/runs", Link.With("http://localhost/runs?cell=x", ("cell", null)));

    [Theory]
    [InlineData(30, "just now")]
    [InlineData(12 * 60, "12\u00a0min ago")]
    [InlineData(26 * 3600, "23 Nov 10:00")]
    [InlineData(-300, "in 5\u00a0min")]
    public void Relative_IsShort(int secondsAgo, string expected)
    {
        DateTimeOffset now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

        Assert.Equal(expected, Words.Relative(now.AddSeconds(-secondsAgo), now));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("=HYPERLINK(1)", "'=HYPERLINK(1)")]
    [InlineData("-5", "-5")] // a number stays one
    public void Csv_QuotesAndDisarms(string field, string expected) =>
        Assert.Equal($"head\r\n{expected}\r\n", CsvText.Write(["head"], [[field]]));
}
