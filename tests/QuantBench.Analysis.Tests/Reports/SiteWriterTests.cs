using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;
using QuantBench.Analysis.Reports;
using QuantBench.Core.Cells;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Reports;

public sealed class SiteWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Site_HasAPagePerRunAndModel_AndNothingThatLeadsNowhere()
    {
        RunRecord one = SampleRun.Make("run-a"), other = SampleRun.Make("run-b", speed: 1.2, seed: 9);
        other = other with
        {
            Info = other.Info with { Fingerprint = other.Info.Fingerprint with { MachineId = "another", Cpu = "Other CPU" } },
            Cells =
            [
                .. other.Cells.Select(c =>
                    c with { Cell = Moved(c.Cell, c.Cell.Variant.ShortName == "Q4_0" ? "../odd model" : c.Cell.Model) }),
            ],
        };

        Write([one, other]);

        string[] pages = [.. Directory.EnumerateFiles(_folder.Path, "*.html", SearchOption.AllDirectories)];
        Assert.Equal(5, pages.Length); // the index, two runs, two models
        foreach (string page in pages)
        {
            string text = File.ReadAllText(page);
            XElement html = XDocument.Parse(text.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal)).Root!; // a document has one
            foreach (string link in html.Descendants().Attributes().Where(a => a.Name.LocalName is "href" or "src").Select(a => a.Value))
            {
                if (link.StartsWith('#')) continue;
                Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(page)!, link)), $"{page}: {link}");
            }

            Assert.DoesNotContain("bench-01", text, StringComparison.Ordinal); // a host's name
            Assert.DoesNotContain("importance matrix", text, StringComparison.Ordinal); // a reason
            Assert.DoesNotContain("<b>", text, StringComparison.Ordinal);
        }

        string board = File.ReadAllText(Path.Combine(_folder.Path, "models", "reference.html"));
        Assert.Contains("Other CPU", board, StringComparison.Ordinal);
        Assert.Contains("95 % interval", board, StringComparison.Ordinal);
        string[] csv = File.ReadAllLines(Path.Combine(_folder.Path, "runs", "run-a.csv"));
        Assert.Equal(12, csv.Length); // a head and eleven variants
        Assert.All(csv, l => Assert.Equal(csv[0].Split(',').Length, l.Split(',').Length));
    }

    // 1,000 runs must take less than 30 s: QB_SITE_RUNS=1000.
    [Fact]
    public void Site_OfManyRuns_IsWrittenInTime()
    {
        string? wanted = Environment.GetEnvironmentVariable("QB_SITE_RUNS");
        int runs = int.TryParse(wanted, CultureInfo.InvariantCulture, out int asked) ? asked : 30;
        RunRecord sample = SampleRun.Make();
        long start = Stopwatch.GetTimestamp();

        Write(Enumerable.Range(0, runs).Select(i => sample with { Info = sample.Info with { Id = $"run-{i:0000}" } }));

        TimeSpan took = Stopwatch.GetElapsedTime(start);
        Assert.Equal(2 * runs, Directory.EnumerateFiles(Path.Combine(_folder.Path, "runs")).Count());
        if (runs >= 1000) Assert.True(took < TimeSpan.FromSeconds(30), $"{runs} runs took {took.TotalSeconds:0.0} s");
    }

    private void Write(IEnumerable<RunRecord> runs)
    {
        var site = new SiteWriter(_folder.Path, "test");
        foreach (RunRecord run in runs) site.Add(run);
        site.Finish();
    }

    private static Cell Moved(Cell cell, string model) => new(model, cell.Variant, cell.Backend, cell.Workload, cell.Settings);
}
