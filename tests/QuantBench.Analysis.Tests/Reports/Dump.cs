using QuantBench.Analysis.Reports;
using QuantBench.SampleData;
namespace QuantBench.Analysis.Tests.Reports;
public sealed class Dump
{
    [Fact]
    public void D()
    {
        RunReport r = RunReport.Of(SampleRun.Make());
        File.WriteAllText("/tmp/sp/report.html", HtmlReport.Write(r));
        File.WriteAllText("/tmp/sp/report.md", MarkdownReport.Write(r));
        foreach (var f in r.Figures) File.WriteAllText($"/tmp/sp/{f.Id}.svg", f.Svg);
    }
}
