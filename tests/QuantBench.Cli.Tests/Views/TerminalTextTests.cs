using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Tables;
using QuantBench.Cli.Views;
using QuantBench.Core.Engines;
using QuantBench.Core.Profiles;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Cli.Tests.Views;

public sealed class TerminalTextTests
{
    private static readonly RunRecord s_run = SampleRun.Make();

    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(120)]
    public void Tables_FitTheWidth_AndNameWhatIsLeftOut(int width)
    {
        RunTable table = RunTableBuilder.Build(s_run);

        string text = TerminalText.Render(MarkdownTable.Write(table), width);

        string[] lines = text.Split('\n');
        Assert.All(lines, l => Assert.True(l.Length <= width, $"{l.Length} > {width}: {l}"));
        Assert.All(table.Rows, r => Assert.Contains(lines, l => l.StartsWith(r.Variant.Id + " ", StringComparison.Ordinal)));
        string note = text[text.IndexOf("Left out for want of width", StringComparison.Ordinal)..].Replace('\n', ' ');
        string shown = text[..text.IndexOf('─', StringComparison.Ordinal)].Replace('\n', ' ');
        // every column stands either in the table or in the note
        Assert.All(table.Columns, c => Assert.True(Words(c.Title).All(w => shown.Contains(w, StringComparison.Ordinal))
            || note.Contains(c.Title, StringComparison.Ordinal), c.Title));
        Assert.Contains("Perplexity", shown, StringComparison.Ordinal); // what leads stays
        static string[] Words(string title) => title.Split(' ');
    }

    [Fact]
    public void Tables_AreWhole_WhereTheyFit()
    {
        string text = TerminalText.Render(MarkdownTable.Write(RunTableBuilder.Build(s_run)), 400);

        Assert.DoesNotContain("Left out", text, StringComparison.Ordinal);
        Assert.Contains("Peak RSS", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\\_b \\| `c` &lt;d> &amp;", "a_b | c <d> &")]
    [InlineData("13\u00a0743 token/s", "13743 token/s")]
    [InlineData("1\u202f234\u202f567\u00a0B", "1234567 B")]
    [InlineData("22.1\u00a0MiB", "22.1 MiB")]
    [InlineData("# Title", "Title")]
    public void Text_HasNoMarkdown_AndNoSignThatGrepMisses(string markdown, string expected) =>
        Assert.Equal(expected, TerminalText.Render(markdown, 80));

    [Fact]
    public void Rows_WithASeparatorInACell_KeepTheirCells()
    {
        string text = TerminalText.Render("| a | b |\n| --- | ---: |\n| x\\|y | 5 |\n", 40);

        Assert.Contains("x|y  5", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(100)]
    public void Sentences_AreWrapped_BetweenWords(int width)
    {
        Profile profile = new() { Name = "test", Limits = [Core.Limits.Bound.Parse("ppl_rise<=3%")] };
        string markdown = DecisionText.Markdown(Recommender.Recommend(CandidateSet.Of(s_run), profile, EngineCatalog.None)[0]);

        string text = TerminalText.Render(markdown, width);

        Assert.All(text.Split('\n'), l => Assert.True(l.Length <= width, l));
        Assert.Contains("ship gguf:", text.Replace('\n', ' '), StringComparison.Ordinal);
        Assert.DoesNotContain("\\_", text, StringComparison.Ordinal);
    }
}
