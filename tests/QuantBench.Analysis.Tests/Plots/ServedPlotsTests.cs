using System.Collections.Immutable;
using System.IO.Compression;
using System.Text;
using System.Xml.Linq;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Results.Reading;
using QuantBench.SampleData;
using QuantBench.TestKit;

namespace QuantBench.Analysis.Tests.Plots;

public sealed class ServedPlotsTests : IDisposable
{
    private readonly TemporaryDirectory _results = new();

    public void Dispose() => _results.Dispose();

    [Fact]
    public void Draw_ShowsLoads_Goodput_AndRequestsOverTime()
    {
        ImmutableArray<PlotFigure> figures = Draw();

        Assert.Equal(["plot-load", "plot-goodput", "plot-requests-1", "plot-requests-2", "plot-requests-3", "plot-requests-4"],
            figures.Select(f => f.Id));
        foreach (PlotFigure figure in figures)
        {
            Assert.Equal(figure.Finding, XElement.Parse(figure.Svg).Elements().Single(e => e.Name.LocalName == "desc").Value);
            Assert.Equal("0 0 366", XElement.Parse(figure.SlimSvg).Attribute("viewBox")!.Value[..7]);
            Assert.All(figure.Rows, r => Assert.Equal(figure.Head.Length, r.Length));
        }
    }

    [Fact]
    public void Load_HasALinePerVariant_ThatEndsAtItsHighestLoad()
    {
        PlotFigure figure = Draw()[0];

        Assert.Equal(
        [
            "gguf:Q4_0|poisson 2/s|1.96|80.0|–||on the front", "gguf:Q4_0|poisson 8/s|7.84|120|900||on the front",
            "gguf:Q8_0|poisson 2/s|1.96|100|–||behind the front", "gguf:Q8_0|poisson 8/s|7.84|210|480||behind the front",
        ], figure.Rows.Select(r => string.Join('|', r)));
        Assert.StartsWith("The median time to the first token goes from 80.0 ms (Q4_0 at 1.96 requests per second) to", figure.Finding,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Goodput_NamesTheVariantThatKeepsTheObjectiveBest()
    {
        PlotFigure figure = Draw()[1];

        Assert.StartsWith("The highest goodput is 7.5 requests per second, of Q4_0, poisson 8/s", figure.Finding, StringComparison.Ordinal);
        Assert.Equal(4, figure.Rows.Length);
    }

    [Fact]
    public void Requests_CountFromTheMeasuredTime_AndMarkFailuresAndStalls()
    {
        PlotFigure figure = Draw()[2];

        // 20 requests of each launch lie in its measured time; the one that failed is the ninth of the second launch's, at 10 + 4 s.
        Assert.StartsWith("40 requests in 20.0 s, 1 failed; ", figure.Finding, StringComparison.Ordinal);
        Assert.Equal(["14.2|1|–|–|1: cut|"], figure.Rows.Where(r => r[4] != "0").Select(r => string.Join('|', r)));
        Assert.Equal("0.2|1|52.0|52.0|0|", string.Join('|', figure.Rows[0]));
        // From second 2 to 3.5 of the second launch, whose measured time begins at 1.
        Assert.Equal(["11.2", "11.8", "12.2"], figure.Rows.Where(r => r[5] == "yes").Select(r => r[0]));
    }

    [Fact]
    public void Read_TakesWhatComesBeforeABrokenLine_AndNothingOfNoGzip()
    {
        var cell = ServedRun.Make().Cells[0].Cell;
        string folder = Directory.CreateDirectory(Path.Combine(_results.Path, "files", cell.Id.Value)).FullName;
        string text = ServedRun.Requests(0);
        foreach (string broken in (string[])["{\"i\":", "[]", "{\"intended\":\"a\"}", "{}"])
        {
            using (var stream = new GZipStream(File.Create(Path.Combine(folder, "requests-0.jsonl.gz")), CompressionLevel.Fastest))
                stream.Write(Encoding.UTF8.GetBytes(text + broken + "\n" + text));
            Assert.Equal(22, ServedLoad.Read(_results.Path, cell.Id).Single().Requests.Length);
        }

        File.WriteAllText(Path.Combine(folder, "requests-0.jsonl.gz"), text);
        Assert.Empty(ServedLoad.Read(_results.Path, cell.Id));
        Assert.Empty(ServedLoad.Read(_results.Path, ServedRun.Make().Cells[1].Cell.Id));
        Assert.Null(RequestsPlot.Draw(cell, []));
    }

    private ImmutableArray<PlotFigure> Draw()
    {
        ServedRun.Record(_results.Path);
        string folder = Path.Combine(_results.Path, ServedRun.Id);
        return RunPlots.Draw(RunTableBuilder.Build(ServedRun.Make()), bothWidths: true, (CellId id) => ServedLoad.Read(folder, id));
    }
}
