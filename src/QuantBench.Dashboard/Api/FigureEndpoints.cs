using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using QuantBench.Analysis.Plots;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Figures;

namespace QuantBench.Dashboard.Api;

/// <summary>Figures as files.</summary>
internal static class FigureEndpoints
{
    public static void Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/figures/runs/{run}/{figure}.{kind:regex(^(svg|png|csv)$)}", async (string run, string figure, string kind, FigureSource source, CancellationToken stop) =>
            await source.FindAsync(run, figure, stop) is { } found ? File(found, kind, run) : Answers.NotFound()).RequireAuthorization(Policies.Read).ExcludeFromDescription();

    /// <summary>A figure as a file.</summary>
    internal static IResult File(PlotFigure figure, string kind, string source)
    {
        string name = $"{source}-{figure.Id}.{kind}";
        return kind switch
        {
            "svg" => Answers.File(Encoding.UTF8.GetBytes(FigureSvg.ForFile(figure.Svg, figure.Title, $"QuantBench, {source}")), "image/svg+xml", name),
            "png" => Answers.File(SvgRaster.Png(FigureSvg.ForFile(figure.Svg, figure.Title, $"QuantBench, {source}")), "image/png", name),
            _ => Answers.File(Encoding.UTF8.GetBytes(CsvText.Write(figure.Head, figure.Rows.Select(r => (IEnumerable<string>)r))), "text/csv; charset=utf-8", name),
        };
    }
}
