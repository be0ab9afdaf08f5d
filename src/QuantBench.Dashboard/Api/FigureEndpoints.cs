using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Queries;

namespace QuantBench.Dashboard.Api;

/// <summary>Figures as files.</summary>
internal static class FigureEndpoints
{
    private const string Kind = "{kind:regex(^(svg|png|csv)$)}";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        RouteGroupBuilder figures = endpoints.MapGroup("/figures").RequireAuthorization(Policies.Read).ExcludeFromDescription().AddEndpointFilter(DashboardApi.ExplainAsync);
        figures.MapGet("/runs/{run}/{figure}." + Kind, async (string run, string figure, string kind, FigureSource source, CancellationToken stop) =>
            await source.FindAsync(run, figure, stop) is { } found ? File(found, kind, run) : Answers.NotFound());
        figures.MapGet("/trends/{metric}/{cell}/{machine}." + Kind, async (string metric, string cell, string machine, string kind, TrendQueries trends) =>
            MetricTable.Find(metric) is not null && await trends.FigureAsync(metric, cell, machine) is { } found ? File(found, kind, metric) : Answers.NotFound());
        figures.MapGet("/decide/{figure}." + Kind, async (string figure, string kind, string run, string x, string y, DecisionQueries decisions, CancellationToken stop) =>
            (await decisions.FrontsAsync(run, x, y, [], stop)).Select(f => f.Figure).FirstOrDefault(f => f?.Id == figure) is { } found ? File(found, kind, run) : Answers.NotFound());
    }

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
