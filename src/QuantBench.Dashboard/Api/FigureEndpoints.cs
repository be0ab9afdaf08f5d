using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using QuantBench.Analysis.Plots;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Drawing;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Queries;

namespace QuantBench.Dashboard.Api;

/// <summary>Figures as files.</summary>
internal static class FigureEndpoints
{
    private const string Kind = "{kind:regex(^(svg|png|csv)$)}";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        RouteGroupBuilder figures = endpoints.MapGroup("/figures").RequireAuthorization(Policies.Read).ExcludeFromDescription()
            .AddEndpointFilter(DashboardApi.ExplainAsync);
        figures.MapGet("/runs/{run}/{figure}." + Kind,
            async (string run, string figure, string kind, FigureSource source, DrawingQueue drawing, CancellationToken stop) =>
            await source.FindAsync(run, figure, stop) is { } found ? await FileAsync(drawing, found, kind, run) : Answers.NotFound());
        figures.MapGet("/trends/{metric}/{cell}/{machine}." + Kind,
            async (string metric, string cell, string machine, string kind, TrendQueries trends, DrawingQueue drawing) =>
            MetricTable.Find(metric) is not null && await trends.FigureAsync(metric, cell, machine) is { } found
                ? await FileAsync(drawing, found, kind, metric) : Answers.NotFound());
        figures.MapGet("/trends/{figure:regex(^trend-)}." + Kind,
            async (string figure, string kind, string? metric, string? machine, string? cell, string? variant, string? suite, int? days,
                string? axis, TrendPanelQueries trends, DrawingQueue drawing) =>
        {
            var request = new TrendRequest(metric, machine, cell, variant, suite, days, axis == "runs");
            return (await trends.DrawAsync(request)).FirstOrDefault(f => f.Id == figure) is { } found
                ? await FileAsync(drawing, found, kind, request.MetricName) : Answers.NotFound();
        });
        figures.MapGet("/compare/{figure:regex(^(differences|distribution)$)}." + Kind,
            async (string figure, string kind, string a, string[] b, string? metric, string? cell, ManyComparisonQueries comparisons,
                DrawingQueue drawing) =>
        {
            ManyComparison many = await comparisons.CompareAsync(a, b);
            PlotFigure? found = figure == "differences" ? await comparisons.DifferencesAsync(many, metric)
                : ManyComparisonQueries.Focus(many, metric, cell) is { } focus ? await comparisons.DistributionAsync(many, focus) : null;
            return found is null ? Answers.NotFound() : await FileAsync(drawing, found, kind, a.Split(':')[0]);
        });
        // With the profile and limits of the page's address: the file has the ring and the hatching that the page shows.
        figures.MapGet("/decide/{figure}." + Kind,
            async (HttpContext http, string figure, string kind, string run, string x, string y, string? profile, DecisionQueries decisions,
                DrawingQueue drawing, CancellationToken stop) =>
            (await decisions.FrontsAsync(run, x, y,
                profile is null ? [] : await decisions.AnswersAsync(run, decisions.Asked(profile, http.Request.Query), stop), stop))
                .Select(f => f.Figure).FirstOrDefault(f => f?.Id == figure) is { } found
                ? await FileAsync(drawing, found, kind, run) : Answers.NotFound());
    }

    /// <summary>A figure as a file.</summary>
    internal static async Task<IResult> FileAsync(DrawingQueue drawing, PlotFigure figure, string kind, string source)
    {
        string name = $"{source}-{figure.Id}.{kind}";
        return kind switch
        {
            "svg" =>
                Answers.File(Encoding.UTF8.GetBytes(FigureSvg.ForFile(figure.Svg, figure.Title, $"QuantBench, {source}")), "image/svg+xml",
                    name),
            "png" => Answers.File(
                await drawing.DrawAsync(() => PlotPen.Current.Png(FigureSvg.ForFile(figure.Svg, figure.Title, $"QuantBench, {source}"))),
                "image/png", name),
            _ => Answers.File(Encoding.UTF8.GetBytes(CsvText.Write(figure.Head, figure.Rows.Select(r => (IEnumerable<string>)r))),
                "text/csv; charset=utf-8", name),
        };
    }
}
