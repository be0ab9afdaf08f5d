using QuantBench.Cli.Commands;
using QuantBench.Cli.Views;

namespace QuantBench.Cli.Tests.Views;

public sealed class PlainWriterTests
{
    [Fact]
    public void Write_ShowsControlCharacters_InsteadOfSendingThem()
    {
        var text = new StringWriter();
        var writer = new PlainWriter(text);

        writer.Write("a\u001b[31mb\u0007");
        writer.Write('\u009b');
        writer.Write(['c', '\0'], 0, 2);
        writer.WriteLine("d\te");
        writer.WriteLine($"{1}é\r\n✓\r");

        Assert.Equal($"a\\x1b[31mb\\x07\\x9bc\\x00d\te{text.NewLine}1é\r\n✓\\x0d{text.NewLine}", text.ToString());
    }

    [Theory]
    [InlineData("run", "\u001b[2J.yaml")]
    [InlineData("\u001b[2J")]
    [InlineData("results", "show", "\u001b[2J")]
    [InlineData("recommend", "latest", "--profile", "\u001b]0;title\u0007")]
    public async Task Errors_SendNothingOfWhatTheyQuoteToTheTerminal(params string[] arguments)
    {
        var output = new StringWriter();
        var error = new StringWriter();

        await QuantBenchCommand.RunAsync(arguments, output, error);

        Assert.NotEmpty(error.ToString());
        Assert.DoesNotContain('\u001b', output.ToString() + error);
    }

    [Theory]
    [InlineData("schedule", "add", "absent-suite", "--cron", "@daily")] // refused for its suite, not for a response file
    [InlineData("run", "absent-suite", "--tag", "@team")]
    public async Task Values_MayBeginWithAt(params string[] arguments)
    {
        var error = new StringWriter();

        int code = await QuantBenchCommand.RunAsync(arguments, new StringWriter(), error);

        Assert.Equal(65, code);
        Assert.Contains("absent-suite", error.ToString(), StringComparison.Ordinal);
    }
}
