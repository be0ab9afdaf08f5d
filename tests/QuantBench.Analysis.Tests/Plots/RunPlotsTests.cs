using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Xml.Linq;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Plots;

public sealed class RunPlotsTests
{
    private static readonly RunRecord s_sample = SampleRun.Make();
    private static readonly RunTable s_table = RunTableBuilder.Build(s_sample);
    private static readonly ImmutableArray<PlotFigure> s_figures = RunPlots.Draw(s_table);

    [Fact]
    public void Draw_GivesTheFourFigures() =>
        Assert.Equal(["plot-perplexity", "plot-pareto", "plot-latency", "plot-memory"], s_figures.Select(f => f.Id));

    [Fact]
    public void Draw_GivesSmallAccessibleSvg_ThatAsksForNothing()
    {
        foreach (PlotFigure figure in s_figures)
        {
            XElement svg = XElement.Parse(figure.Svg);
            XNamespace ns = svg.Name.Namespace;

            Assert.InRange(Encoding.UTF8.GetByteCount(figure.Svg), 2_000, 60_000);
            Assert.Equal("img", svg.Attribute("role")?.Value);
            Assert.Equal(figure.Finding, svg.Element(ns + "desc")?.Value);
            string[] ids = [.. svg.DescendantsAndSelf().Attributes("id").Select(a => a.Value)];
            Assert.All(svg.Attribute("aria-labelledby")!.Value.Split(' '), id => Assert.Contains(id, ids));
            Assert.All(ids, id => Assert.StartsWith(figure.Id, id, StringComparison.Ordinal));
            Assert.DoesNotContain("http",
                figure.Svg.Replace("xmlns=\"http://www.w3.org/2000/svg\"", "", StringComparison.Ordinal)
                    .Replace("xmlns:xlink=\"http://www.w3.org/1999/xlink\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Draw_NamesEveryPoint_UnderThePointer()
    {
        foreach (PlotFigure figure in s_figures)
        {
            string[] hovers = [
                .. XElement.Parse(figure.Svg).Descendants().Where(e => e.Attribute("pointer-events")?.Value == "all").Select(e => e.Value)];

            // One per row of the table, which holds the same figures.
            Assert.Equal(figure.Rows.Length, hovers.Length);
            Assert.All(figure.Rows,
                r => Assert.Contains(hovers, h => h.StartsWith(Variant.Parse(r[0]).ShortName + ": ", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Draw_LeavesNoSentinelColour()
    {
        foreach (PlotFigure figure in s_figures)
        {
            Assert.DoesNotContain("0A0B0", figure.Svg, StringComparison.OrdinalIgnoreCase);
            string[] painted = [
                .. XElement.Parse(figure.Svg).Descendants().SelectMany(e => e.Attributes())
                    .Where(a => a.Name.LocalName is "fill" or "stroke").Select(a => a.Value).Distinct()];
            Assert.All(painted, p => Assert.True(p == "none" || p.StartsWith("var(--qb-", StringComparison.Ordinal), $"{figure.Id}: {p}"));
        }
    }

    [Fact]
    public void Perplexity_IsLogarithmic_OnlyWhenAVariantIsFarOff()
    {
        PlotFigure far = s_figures[0];
        PlotFigure near = PerplexityPlot.Draw([.. s_table.Rows.Where(r => r.Variant.ShortName != "TQ2_0")])!;

        Assert.Contains("perplexity (log)", far.Svg, StringComparison.Ordinal);
        Assert.DoesNotContain("perplexity (log)", near.Svg, StringComparison.Ordinal);
    }

    [Fact]
    public void Perplexity_HasItsDataBesideIt_AndNamesTheFinding()
    {
        PlotFigure figure = s_figures[0];

        Assert.Equal(10, figure.Rows.Length); // IQ1_S failed
        Assert.All(figure.Rows, r => Assert.Equal(figure.Head.Length, r.Length));
        Assert.Equal(["gguf:Q4_K_M", "low", "5.05", "38.64 ± 0.86"], figure.Rows.Single(r => r[0] == "gguf:Q4_K_M").AsEnumerable());
        Assert.StartsWith("Q5_K_M at 5.79 bits per weight is the smallest variant shown to be within 1 % of F32's", figure.Finding,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Pareto_MarksWhatNothingBeats()
    {
        PlotFigure figure = s_figures[1];

        // By hand from the sample's speeds and divergences: Q6_K is beaten by Q8_0; Q3_K_M, Q2_K by Q4_0.
        Assert.Equal(
            ["gguf:F16", "gguf:Q8_0", "gguf:Q5_K_M", "gguf:Q4_K_M", "gguf:Q4_0", "gguf:TQ2_0"],
            figure.Rows.Where(r => r[^1] == "on the front").Select(r => r[0]));
        Assert.Equal(["gguf:Q6_K", "gguf:Q3_K_M", "gguf:Q2_K"], figure.Rows.Where(r => r[^1] == "beaten").Select(r => r[0]));
        Assert.Contains("F32", figure.Caption, StringComparison.Ordinal);
    }

    [Fact]
    public void Latency_LeavesOutVariantsWithFewSamples()
    {
        RunRecord few = s_sample with
        {
            Cells = [
                .. s_sample.Cells.Select(c =>
                    c with {
                        Metrics = [
                            .. c.Metrics.Select(m =>
                                m.Name == "token_latency" && c.Cell.Variant.ShortName == "Q4_0" ? m with { Samples = [1, 2, 3] } : m)] })],
        };

        PlotFigure figure = LatencyPlot.Draw(RunTableBuilder.Build(few).Rows)!;

        Assert.DoesNotContain(figure.Rows, r => r[0] == "gguf:Q4_0");
        Assert.Equal(9, figure.Rows.Length);
    }

    [Fact]
    public void Draw_GivesNoFigure_WithoutData()
    {
        Assert.Empty(RunPlots.Draw(RunTableBuilder.Build(s_sample with { Cells = [] })));
        Assert.Null(PerplexityPlot.Draw([s_table.Rows[0]]));
        Assert.Null(ParetoPlot.Draw([s_table.Rows[0]]));
    }

    [Fact]
    public void Draw_AlsoDrawsForAPhone_WhenAsked()
    {
        foreach (PlotFigure figure in RunPlots.Draw(s_table, bothWidths: true))
        {
            XElement slim = XElement.Parse(figure.SlimSvg);
            Assert.StartsWith("0 0 366 ", slim.Attribute("viewBox")!.Value, StringComparison.Ordinal);
            // Both stand on one page: no id may be there twice.
            string[] ids = [
                .. slim.DescendantsAndSelf().Concat(XElement.Parse(figure.Svg).DescendantsAndSelf()).Select(e => e.Attribute("id")?.Value)
                    .OfType<string>()];
            Assert.Equal(ids.Length, ids.Distinct().Count());
        }

        Assert.All(s_figures, f => Assert.Empty(f.SlimSvg));
    }

    [Theory]
    [InlineData(-7.2, 0.5, "0.000001,0.0001,0.01,1")] // every second decade
    [InlineData(-3.1, 0.2, "0.001,0.003,0.01,0.03,0.1,0.3,1")]
    [InlineData(1.0, 2.1, "10,20,50,100")]
    public void Log_KeepsTicksFew(double min, double max, string expected) =>
        Assert.Equal(expected, string.Join(',', PlotScale.Log((min, max)).Select(t => t.Text)));

    [Fact]
    public void Bytes_TicksAtRoundBinaryNumbers() =>
        Assert.Equal("70.0 MiB,80.0 MiB,90.0 MiB",
            string.Join(',',
                PlotScale.Bytes((68 * 1048576.0, 92 * 1048576.0)).Select(t => t.Text.Replace('\u00a0', ' ').Replace('\u202f', ' '))
                    .Where((_, i) => i % 2 == 0)));

    [Fact]
    public void Canvas_PutsWordsWhereScottPlotPutsMarks()
    {
        // The label's place is computed before rendering; a marker drawn at the same point must land there.
        var canvas = new PlotCanvas(400, 300, 50, (0, 10), (0, 5));
        canvas.Marker(4, 2, PrecisionClass.Medium);
        XElement svg = XElement.Parse(canvas.Render("p", "t", "f"));

        XElement circle = svg.Descendants().Single(e => e.Name.LocalName is "ellipse" or "circle");
        Assert.Equal(canvas.PixelX(4), double.Parse(circle.Attribute("cx")!.Value, CultureInfo.InvariantCulture), 0.6);
        Assert.Equal(canvas.PixelY(2), double.Parse(circle.Attribute("cy")!.Value, CultureInfo.InvariantCulture), 0.6);
    }

    [Theory]
    [InlineData(0, 10, "0,2,4,6,8,10")]
    [InlineData(38.0, 44.2, "38,39,40,41,42,43,44")]
    [InlineData(-0.011, 0.012, "−0.010,−0.005,0.000,0.005,0.010")]
    public void Linear_TicksAtRoundSteps(double min, double max, string expected) =>
        Assert.Equal(expected, string.Join(',', PlotScale.Linear((min, max)).Select(t => t.Text)));
}
