using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Leaders;
using QuantBench.Analysis.Tables;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Figures;
using QuantBench.Dashboard.Matrix;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Lab;
using QuantBench.Results.Exchange;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Api;

/// <summary>Runs, cells and measurements, to read.</summary>
internal static class RunEndpoints
{
    public static void Map(RouteGroupBuilder read)
    {
        read.MapGet("/runs", ListAsync).WithSummary("Runs, filtered as on the Runs page");
        read.MapGet("/runs/{id}", RunAsync).Produces<RunAnswer>().WithSummary("A run without its cells; 'latest' is the newest");
        read.MapGet("/runs/{id}/cells", CellsAsync).Produces<CellResult[]>()
            .WithSummary("The cells of a run with their metrics, without raw samples");
        read.MapGet("/runs/{id}/cells/{cell}", CellAsync).Produces<CellResult>().WithSummary("A cell with its raw samples");
        read.MapGet("/runs/{id}/measurements", MeasurementsAsync).Produces<MeasurementAnswer[]>()
            .WithSummary("One metric of all cells of a run");
        read.MapGet("/runs/{id}/export", ExportAsync).WithSummary("The whole run as json, csv or parquet");
        read.MapGet("/runs/{id}/bundle", Bundle).WithSummary("The whole run as a bundle, to be uploaded elsewhere");
        read.MapGet("/runs/{id}/matrix.csv", MatrixAsync).ExcludeFromDescription();
        read.MapGet("/runs/{id}/table.csv", TableAsync)
            .WithSummary("The results of a run by variant and backend, each figure with interval and mark, as CSV");
        read.MapGet("/leaders.csv", LeadersAsync)
            .WithSummary("Machines and variants of a model, ranked by a metric, as CSV");
    }

    private static async Task<RunListAnswer> ListAsync(
        RunQueries runs, [FromQuery] string? q, [FromQuery] string? suite, [FromQuery] string? machine, [FromQuery] string? model,
        [FromQuery] string? status, [FromQuery] string? tag,
        [FromQuery] int? page, CancellationToken stop)
    {
        var filter = new RunFilter
        {
            Search = q ?? "",
            Suite = suite ?? "",
            Machine = machine ?? "",
            Model = model ?? "",
            Status = status ?? "",
            Tag = tag ?? "",
            Page = Math.Clamp(page ?? 1, 1, 100_000),
        };
        RunPage found = await runs.ListAsync(filter, stop);
        return new RunListAnswer(found.Runs, found.Matching, found.All, filter.Page, found.Pages);
    }

    private static async Task<IResult> RunAsync(HttpContext http, string id, RunQueries runs, LabOptions lab, CancellationToken stop) =>
        await runs.FindAsync(id, stop) is { } run
            ? Answers.Ok(new RunAnswer(
                run.Info with { SuiteDirectory = ServerPaths.For(http.User, lab, run.Info.SuiteDirectory) ?? "" }, run.State,
                run.Counts, run.Current?.Id.Value))
            : NoRun(id);

    private static async Task<IResult> CellsAsync(string id, [FromQuery] string? status, RunQueries runs, CancellationToken stop) =>
        await runs.FindAsync(id, stop) is { } run
            ? Answers.Ok(
                run.Cells.Select(c => c.Result)
                    .Where(c => status is null || string.Equals(c.Status.ToString(), status, StringComparison.OrdinalIgnoreCase)))
            : NoRun(id);

    private static async Task<IResult> CellAsync(string id, string cell, RunQueries runs, CancellationToken stop)
    {
        if (await runs.FindAsync(id, stop) is not { } run) return NoRun(id);
        if (run.Cells.FirstOrDefault(c => c.Result.Cell.Id.Value == cell) is not { } view)
            return Answers.Problem($"run {run.Info.Id} has no cell '{cell}'.", statusCode: StatusCodes.Status404NotFound);
        var metrics = new List<Measurement>();
        foreach (Measurement metric in view.Result.Metrics)
        {
            double[] samples = await runs.SamplesAsync(view.RowId, metric.Name, stop);
            metrics.Add(samples.Length > 0 ? metric with { Samples = samples } : metric);
        }

        return Answers.Ok(view.Result with { Metrics = [.. metrics] });
    }

    private static async Task<IResult> MeasurementsAsync(string id, [FromQuery] string metric, RunQueries runs, CancellationToken stop)
    {
        if (MetricTable.Find(metric) is null)
            return Answers.Problem($"there is no metric '{metric}'.", statusCode: StatusCodes.Status400BadRequest);
        return await runs.FindAsync(id, stop) is { } run
            // filtered
            ? Answers.Ok(run.Cells.Where(c => c[metric] is not null).Select(c => new MeasurementAnswer(c.Result.Cell, c[metric]!)))
            : NoRun(id);
    }

    private static async Task<IResult> ExportAsync(string id, [FromQuery] string? format, RunQueries runs, CancellationToken stop)
    {
        string name = format ?? "json";
        if (RunExporters.Find(name) is not { } exporter)
            return Answers.Problem($"there is no format '{name}'. Known: {string.Join(", ", RunExporters.All.Select(e => e.Name))}.",
                statusCode: StatusCodes.Status400BadRequest);
        if (await runs.RecordAsync(id, stop) is not { } record) return NoRun(id);
        string type = exporter.Name switch
        {
            "json" => "application/json",
            "csv" => "text/csv; charset=utf-8",
            _ => "application/octet-stream"
        };
        return Answers.Stream(output => exporter.WriteAsync(record, output, stop), type, $"{record.Info.Id}.{exporter.Name}");
    }

    private static IResult Bundle(string id, RunQueries runs)
    {
        if (runs.FolderOf(id) is not { } folder) return NoRun(id);
        // Written to memory first: a zip needs a stream that can be written to synchronously, and an error must be an answer, not half a
        // file.
        var buffer = new MemoryStream();
        RunBundle.Write(folder, buffer);
        buffer.Position = 0;
        return Answers.Stream(buffer, "application/zip", $"{id}.zip");
    }

    private static async Task<IResult> MatrixAsync(string id, [FromQuery] string metric, [FromQuery] string? slice,
        [FromQuery(Name = "base")] string? baseline, RunQueries runs, CancellationToken stop)
    {
        if (MetricTable.Find(metric) is not { } definition)
            return Answers.Problem($"there is no metric '{metric}'.", statusCode: StatusCodes.Status400BadRequest);
        if (await runs.FindAsync(id, stop) is not { } run) return NoRun(id);
        IEnumerable<MatrixSlice> slices = MatrixBuilder.Slices(run, definition);
        MatrixSlice chosen = slices.FirstOrDefault(s => s.Key == slice) ?? slices.First();
        IEnumerable<CellView> cells = run.Cells.Where(c => MatrixBuilder.Key(c.Result.Cell) == chosen.Key);
        Dictionary<string,
            MetricComparison> against =
                await runs.ComparedAsync(MatrixBuilder.Build(run, definition, chosen, perColumn: false), run, baseline, stop);
        IEnumerable<IEnumerable<string>> rows = cells.Select(c => (IEnumerable<string>)
        [
            run.Info.Id, c.Result.Cell.Id.Value, c.Result.Cell.Model, c.Result.Cell.Variant.Id, c.Result.Cell.Backend.ToString(),
            c.Result.Cell.Workload, c.Result.Cell.Settings.ToString(),
            c.Result.Status.ToString().ToLowerInvariant(), c.Result.Reason ?? "", Raw(c[metric]?.Value), Raw(c[metric]?.Error),
            Raw(c[metric]?.Ci95 is [double low, _] ? low : null),
            Raw(c[metric]?.Ci95 is [_, double high] ? high : null), c[metric]?.N?.ToString() ?? "", definition.Unit,
            .. Differences(c.Result.Cell.Id.Value),
        ]);
        string text =
            CsvText.Write(
                ["run", "cell", "model", "variant", "backend", "workload", "settings", "status", "reason", metric, "error", "ci95_low",
                    "ci95_high", "n", "unit",
                    .. against.Count == 0 ? (string[])[] : ["difference", "difference_low", "difference_high", "verdict"]], rows);
        return Answers.File(Encoding.UTF8.GetBytes(text), "text/csv; charset=utf-8", $"{run.Info.Id}-{metric}.csv");

        string[] Differences(string cell) => against.Count == 0 ? []
            : against.TryGetValue(cell, out MetricComparison? row)
                ? [Raw(row.Difference), Raw(row.Interval?.Low), Raw(row.Interval?.High), ComparisonText.Word(row.Verdict)]
                : ["", "", "", ""];
    }

    private static async Task<IResult> TableAsync(string id, RunQueries runs, CancellationToken stop) =>
        await runs.TableAsync(id, stop) is { } table
            ? Answers.File(Encoding.UTF8.GetBytes(RunTableCsv.Write(table)), "text/csv; charset=utf-8", $"{id}-table.csv") : NoRun(id);

    private static async Task<IResult> LeadersAsync([FromQuery] string model, [FromQuery] string metric, [FromQuery] string? way,
        LeaderQueries leaders)
    {
        if (LeaderQueries.Metrics.FirstOrDefault(m => m.Name == metric) is not { } definition)
            return Answers.Problem($"'{metric}' can't be ranked. Known: {string.Join(", ", LeaderQueries.Metrics.Select(m => m.Name))}.",
                statusCode: StatusCodes.Status400BadRequest);
        Leaderboard board = await leaders.BoardAsync(model, definition, way);
        string text = CsvText.Write(
            ["rank", "model", "variant", "machine", "machine_id", "backend", metric, "low", "high", "unit", "disturbed", "run", "way"],
            board.Rows.Select(r => (IEnumerable<string>)
            [
                r.Rank is { } rank ? Raw(rank) : "", r.Figure.Model, r.Figure.Variant, r.Figure.Machine, r.Figure.MachineId,
                r.Figure.Backend, Raw(r.Figure.Value), Raw(r.Figure.Interval?.Low), Raw(r.Figure.Interval?.High), definition.Unit,
                r.Figure.IsDisturbed ? "yes" : "", r.Figure.RunId, r.Figure.Way,
            ]));
        return Answers.File(Encoding.UTF8.GetBytes(text), "text/csv; charset=utf-8", $"leaders-{metric}.csv");
    }

    internal static string Raw(double? value) =>
        value is { } v && double.IsFinite(v) ? v.ToString("R", System.Globalization.CultureInfo.InvariantCulture) : "";

    private static IResult NoRun(string id) => Answers.Problem($"there is no run '{id}'.", statusCode: StatusCodes.Status404NotFound);
}
