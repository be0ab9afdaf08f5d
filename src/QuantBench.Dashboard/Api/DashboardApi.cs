using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using QuantBench.Analysis.Compare;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Drawing;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;
using QuantBench.Lab.Telemetry;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Api;

/// <summary>
/// The HTTP API, <c>/api/v1</c>. Reading follows the pages' policy; changing needs an API key. To add an endpoint: a line in one of the
/// groups below; one outside of them is refused to everybody.
/// </summary>
internal static class DashboardApi
{
    private const string Root = "/api/v1";

    public static void Register(IServiceCollection services, string version)
    {
        services.ConfigureHttpJsonOptions(o =>
        {
            o.SerializerOptions.PropertyNamingPolicy = Json.Line.PropertyNamingPolicy;
            o.SerializerOptions.NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals;
            o.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            foreach (JsonConverter converter in Json.Line.Converters) o.SerializerOptions.Converters.Add(converter);
        });
        services.AddOpenApi("v1", o => o.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "QuantBench";
            document.Info.Version = "v1";
            document.Info.Description =
                "Runs, cells and measurements of QuantBench. Changes need an API key: 'Authorization: Bearer qb_…'.";
            document.Servers?.Clear();
            return Task.CompletedTask;
        }));
        OpenTelemetryBuilder telemetry = services.AddOpenTelemetry()
            .WithMetrics(m =>
            {
                m.AddAspNetCoreInstrumentation().AddRuntimeInstrumentation().AddMeter(LabMetrics.MeterName)
                    .AddPrometheusExporter(o => o.ScrapeResponseCacheDurationMilliseconds = 1000);
                if (Traces.IsOn) m.AddOtlpExporter();
            });
        if (Traces.IsOn)
        {
            telemetry.ConfigureResource(r => Traces.Describe(r, "quantbench-server", version))
                .WithTracing(t => t.AddAspNetCoreInstrumentation().AddSource(Traces.SourceName).AddOtlpExporter());
        }

        services.AddSingleton<SuiteMetrics>().AddSingleton<LabMetrics>().AddSingleton<UploadReceiver>().AddSingleton<PartialUploads>();
    }

    public static void Map(WebApplication app)
    {
        app.Services.GetRequiredService<LabMetrics>(); // its gauges exist from the start
        RouteGroupBuilder api = app.MapGroup(Root).AddEndpointFilter(ExplainAsync);
        RouteGroupBuilder read = api.MapGroup("").RequireAuthorization(Policies.Read);
        RunEndpoints.Map(read);
        read.MapGet("/queue",
            (HttpContext http, OccurrenceStore queue, LabOptions lab) => queue.Latest().Select(o => ServerPaths.For(http.User, lab, o)))
            .WithSummary("Queued runs, newest first");
        read.MapGet("/schedules",
            (HttpContext http, ScheduleStore schedules, LabOptions lab) =>
                schedules.List()
                    .Select(s => new
                    {
                        s.Name,
                        Suite = ServerPaths.For(http.User, lab, s.Suite),
                        Cron = s.Cron.Text,
                        Zone = s.Cron.Zone.Id,
                        s.CatchUp,
                        s.Paused,
                        s.Next,
                    }))
                    .WithSummary("Schedules");
        read.MapGet("/machines", (MachineQueries machines, CancellationToken stop) => machines.ListAsync(stop))
            .WithSummary("Machines that have measured something");
        read.MapGet("/models", (ModelQueries models, CancellationToken stop) => models.ListAsync(stop))
            .WithSummary("Models that were measured");
        read.MapGet("/compare.csv", CompareAsync).ExcludeFromDescription();
        app.MapGet("/pareto", (HttpContext http) => Answers.Redirect("/decide" + http.Request.QueryString))
            .RequireAuthorization(Policies.Read).ExcludeFromDescription();
        app.MapOpenApi(Root + "/openapi.json").RequireAuthorization(Policies.Read);
        app.MapPrometheusScrapingEndpoint(Root + "/metrics").RequireAuthorization(Policies.Read);
        api.MapGet("/health", Health).AllowAnonymous().WithSummary("Whether the server can read its store");

        RouteGroupBuilder change = api.MapGroup("").RequireAuthorization(Policies.OperateByKey).RequireRateLimiting(RateLimits.Change);
        change.MapPost("/runs", (HttpContext http, UploadReceiver receiver, CancellationToken stop) => receiver.ReceiveAsync(http, stop))
            .Produces<UploadAnswer>(StatusCodes.Status201Created).Produces<UploadAnswer>().ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .WithSummary("Takes in a run bundle, as 'quantbench results export RUN --format bundle' writes it; whole or not at all")
            // Told to readers of the description only: a constraint on the type would answer before the policy does.
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                operation.RequestBody = new OpenApiRequestBody
                {
                    Required = true,
                    Content = new Dictionary<string, OpenApiMediaType> { ["application/zip"] = new() }
                };
                return Task.CompletedTask;
            });
        change.MapPost("/queue", Start).WithSummary("Puts a run of a suite into the queue");
        change.MapPost("/queue/{id:long}/cancel", Cancel).WithSummary("Cancels a queued or running run; finished cells are kept");

        change.MapGet("/uploads/{sha256}", (string sha256, PartialUploads uploads) => uploads.Answer(sha256))
            .WithSummary("How many bytes of a bundle are here");
        change.MapPut("/uploads/{sha256}",
            (HttpContext http, string sha256, long offset, long total, PartialUploads uploads, UploadReceiver receiver,
                CancellationToken stop) => uploads.TakeAsync(http, sha256, offset, total, receiver, stop))
            .WithSummary("Takes in a part of a bundle; the last part takes in the run");
        AgentEndpoints.Map(api);
        HookEndpoint.Map(api);

        api.MapGet("/audit.csv", Audit).RequireAuthorization(Policies.Administer).ExcludeFromDescription();
        FigureEndpoints.Map(app);
    }

    // Errors as RFC 9457 problem details, with the hint.
    internal static async ValueTask<object?> ExplainAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (QuantBenchException e)
        {
            return Said(context.HttpContext, e,
                e is BusyException ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status400BadRequest);
        }
        catch (Exception e)
            when (e is not OperationCanceledException
                && context.HttpContext.RequestServices.GetRequiredService<ResultStore>().Explain(e) is { } known)
        {
            return Said(context.HttpContext, known, StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static IResult Said(HttpContext http, QuantBenchException e, int status)
    {
        LabOptions lab = http.RequestServices.GetRequiredService<LabOptions>();
        return Answers.Problem(ServerPaths.For(http.User, lab, e.Message), statusCode: status, extensions: e.Hint is null ? null
            : new Dictionary<string, object?> { ["hint"] = ServerPaths.For(http.User, lab, e.Hint) });
    }

    private static IResult Health(ResultStore store, StoredRuns stored, DashboardOptions options, SchedulerState scheduler)
    {
        try
        {
            // Asked anew each time: a kept answer says nothing about a server that went away.
            return Answers.Ok(new HealthAnswer("ok", options.Version, stored.CountRuns(), scheduler.IsOn, scheduler.Word, null));
        }
        catch (Exception e) when (e is not OperationCanceledException && store.Explain(e) is not null)
        {
            // Anybody may ask: where the database is, is no business of theirs.
            return Answers.Json(
                new HealthAnswer("failing", options.Version, null, scheduler.IsOn, scheduler.Word, "the results' database doesn't answer"),
                statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static Created<Occurrence> Start(HttpContext http, StartRequest request, LabOptions lab, OccurrenceStore queue, AuditLog audit,
        SuiteApprovals approvals, DashboardOptions options)
    {
        Occurrence asked = QueueRequests.Start(
            lab, queue, audit, approvals, options, request.Suite ?? "", request.Only is { IsDefault: false } only ? only : [], http.User);
        return TypedResults.Created(Root + "/queue", ServerPaths.For(http.User, lab, asked));
    }

    private static NoContent Cancel(HttpContext http, long id, OccurrenceStore queue, AuditLog audit)
    {
        QueueRequests.Cancel(queue, audit, id, PageActions.Actor(http));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> CompareAsync(string a, string[] b, ManyComparisonQueries queries)
    {
        ManyComparison found = await queries.CompareAsync(a, b);
        IEnumerable<IEnumerable<string>> rows = found.Comparisons.SelectMany(c => c.Rows.Select(r => (IEnumerable<string>)
        [
            c.A, c.B, r.Cell, r.Metric.Name, r.Metric.Unit, RunEndpoints.Raw(r.A.Value), RunEndpoints.Raw(r.B.Value),
            RunEndpoints.Raw(r.Difference), RunEndpoints.Raw(r.Interval?.Low),
            RunEndpoints.Raw(r.Interval?.High), RunEndpoints.Raw(r.AdjustedP), ComparisonText.Word(r.Verdict), r.Note,
        ]));
        string text =
            Figures.CsvText.Write(
                ["base", "candidate", "cell", "metric", "unit", "a", "b", "difference", "low", "high", "adjusted_p", "verdict", "note"],
                rows);
        return Answers.File(System.Text.Encoding.UTF8.GetBytes(text), "text/csv; charset=utf-8", "compare.csv");
    }

    private static IResult Audit(AuditLog log)
    {
        IEnumerable<IEnumerable<string>> rows = log.Read(most: int.MaxValue).Select(e => (IEnumerable<string>)
            [QuantBench.Dashboard.Text.Words.Full(e.At), e.Actor, e.Action, e.Object, e.Before ?? "", e.After ?? "", e.Detail ?? ""]);
        return Answers.Text(Figures.CsvText.Write(["time", "actor", "action", "object", "before", "after", "detail"], rows),
            "text/csv; charset=utf-8");
    }
}
