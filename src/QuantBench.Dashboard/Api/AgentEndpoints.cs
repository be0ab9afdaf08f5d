using System.Data.Common;
using System.IO.Compression;
using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Net.Http.Headers;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Drawing;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Agents;
using QuantBench.Lab.Artifacts;
using QuantBench.Lab.Queue;
using QuantBench.Results.Folders;

namespace QuantBench.Dashboard.Api;

/// <summary>What agents ask and send. A key of the role 'agent' opens these and nothing else, each for its own machine's jobs.</summary>
internal static class AgentEndpoints
{
    private const long MostBytes = 64L << 20;
    private const long MostUnpacked = 256L << 20;

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    public static void Map(RouteGroupBuilder api)
    {
        RouteGroupBuilder agents = api.MapGroup("/agent").RequireAuthorization(Policies.Work).ExcludeFromDescription()
            .AddEndpointFilter(OnlyActiveAsync);
        agents.MapPost("/hello", HelloAsync);
        agents.MapPost("/claim", ClaimAsync);
        agents.MapPost("/beat", BeatAsync);
        agents.MapPost("/fitness", FitnessAsync);
        agents.MapPost("/adopt", AdoptAsync);
        agents.MapPost("/jobs/{id}/results", ResultsAsync);
        agents.MapPost("/jobs/{id}/end", EndAsync);
        agents.MapGet("/jobs/{id}/models/{model}",
            async (HttpContext http, string id, string model, JobStore jobs, ModelShelf shelf, CancellationToken stop) =>
                Reply(await shelf.ReadAsync(Held(http, jobs, id), model, stop)));
        agents.MapGet("/jobs/{id}/models/{model}/files/{sha256}", FileAsync);
    }

    // A server that stands by would decide about jobs beside the one that runs the queue.
    private static async ValueTask<object?> OnlyActiveAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (context.HttpContext.RequestServices.GetService<LabServer>() is not { IsActive: true })
            throw new BusyException("this server doesn't run the queue.", "Agents belong to the one that 'quantbench serve' runs.");
        try
        {
            return await next(context);
        }
        catch (TimeoutException)
        {
            throw new BusyException("the model is read for the first time.", "The same question in a while has its answer.");
        }
        catch (StoreException e) when (e.InnerException is { } cause && (DiskFault.Is(cause) || cause is DbException))
        {
            // The server's fault: the same message is welcome again.
            throw new BusyException("the server can't keep it now.", e.Message);
        }
    }

    private static async Task<IResult> HelloAsync(HttpContext http, MachineStore machines, JobPlanner planner, LeaseTimes times,
        DashboardOptions options)
    {
        AgentHello hello = await ReadAsync<AgentHello>(http);
        string name = MachineOf(http);
        bool known = machines.Find(name) is not null;
        machines.Welcome(name, http.User.FindFirstValue(ClaimTypes.NameIdentifier) ?? "", hello, options.Version);
        if (!known) http.RequestServices.GetRequiredService<JobSignal>().Pulse();
        return Reply(new AgentWelcome(name, times.Lease.TotalSeconds, times.Beat.TotalSeconds, times.Poll.TotalSeconds,
            options.Clock.GetUtcNow(), planner.SchedulesOf(Known(machines, name))));
    }

    private static async Task<IResult> ClaimAsync(HttpContext http, MachineStore machines, JobStore jobs, JobSignal signal,
        LeaseTimes times, TimeProvider clock, IHostApplicationLifetime lifetime, CancellationToken stop)
    {
        // A server that stops doesn't wait for those who wait.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop, lifetime.ApplicationStopping);
        AgentClaim claim = await ReadAsync<AgentClaim>(http);
        Need(claim.Instance, claim.Claim);
        string name = MachineOf(http);
        long began = clock.GetTimestamp();
        TimeSpan wait = TimeSpan.FromSeconds(Math.Clamp(claim.WaitSeconds, 0, times.Poll.TotalSeconds));
        machines.Seen(name, null);
        while (true)
        {
            Task next = signal.Next();
            if (jobs.Claim(Known(machines, name), claim.Instance, claim.Claim) is { } job)
            {
                return Reply(new AgentJob(job.Id, job.Epoch, job.Key, job.Suite, job.SuiteText, job.Only, job.Tags, job.RunId));
            }

            TimeSpan left = wait - clock.GetElapsedTime(began);
            if (left <= TimeSpan.Zero || over.IsCancellationRequested) return Answers.NoContent();
            // Also without a signal: another server of the lab may have added a job.
            await Task.WhenAny(next, Task.Delay(left < s_look ? left : s_look, clock, over.Token));
        }
    }

    private static async Task<IResult> BeatAsync(HttpContext http, MachineStore machines, JobStore jobs, TimeProvider clock)
    {
        AgentBeat beat = await ReadAsync<AgentBeat>(http);
        string name = MachineOf(http);
        machines.Seen(name, beat.Health);
        if (beat.Job is null) return Reply(new BeatAnswer(clock.GetUtcNow(), Lost: false, GoOn: true, Cancel: false));
        Job? job = jobs.Renew(beat.Job, beat.Epoch, name);
        Job? known = job ?? jobs.Find(beat.Job);
        // A job that this machine ended isn't lost.
        bool lost = job is null && !(known is { IsOver: true } && known.Epoch == beat.Epoch && known.State != JobState.Quarantined);
        return Reply(new BeatAnswer(clock.GetUtcNow(), lost,
            GoOn: known?.Placement.Reconcile is Reconcile.KeepBoth or Reconcile.KeepOriginal, Cancel: job is { Cancel: true }));
    }

    private static async Task<IResult> FitnessAsync(HttpContext http, MachineStore machines)
    {
        AgentFitness fitness = await ReadAsync<AgentFitness>(http);
        Need(fitness.Instance);
        machines.Seen(MachineOf(http), null);
        machines.SetUnfit(MachineOf(http), fitness.Unfit is { Length: 0 } ? null : fitness.Unfit);
        return Answers.NoContent();
    }

    private static async Task<IResult> AdoptAsync(HttpContext http, MachineStore machines, JobPlanner planner)
    {
        AgentAdopt adopt = await ReadAsync<AgentAdopt>(http);
        Need(adopt.Instance, adopt.Schedule, adopt.RunId);
        if (!RunFolder.IsGivenId(adopt.RunId)) throw new RequestException("the run has no id that a run is given.");
        return Reply(planner.Adopt(Known(machines, MachineOf(http)), adopt));
    }

    private static async Task<IResult> ResultsAsync(HttpContext http, string id, long epoch, ResultTaker taker, MachineStore machines,
        CancellationToken stop)
    {
        AgentResults results = await ReadAsync<AgentResults>(http);
        Need(results.Run);
        if (!results.Cells.IsDefault && results.Cells.Any(c => c?.Line is null))
            throw new RequestException("a cell of the message is empty.");
        machines.Seen(MachineOf(http), null);
        return Reply(await taker.TakeAsync(MachineOf(http), id, epoch, results, stop));
    }

    private static async Task<IResult> EndAsync(HttpContext http, string id, ResultTaker taker, JobSignal signal, CancellationToken stop)
    {
        await taker.EndAsync(MachineOf(http), id, await ReadAsync<AgentEnd>(http), stop);
        signal.Pulse();
        return Answers.NoContent();
    }

    // In parts, from where the machine has it: its name is its content.
    private static async Task<IResult> FileAsync(HttpContext http, string id, string model, string sha256, JobStore jobs, ModelShelf shelf,
        CancellationToken stop) =>
        Answers.File(await shelf.PathOfAsync(Held(http, jobs, id), model, sha256, stop), "application/octet-stream",
            entityTag: new EntityTagHeaderValue($"\"{sha256}\""), enableRangeProcessing: true);

    private static Job Held(HttpContext http, JobStore jobs, string id) =>
        jobs.Find(id) is { State: JobState.Leased } job && job.Machine == MachineOf(http) ? job
            : throw new RequestException("this machine doesn't hold that job.");

    // What a message must hold: whoever has a key may write anything.
    private static void Need(params ReadOnlySpan<string?> texts)
    {
        foreach (string? text in texts)
        {
            if (string.IsNullOrEmpty(text)) throw new RequestException("the message lacks a part.");
        }
    }

    private static Machine Known(MachineStore machines, string name) => machines.Find(name)
        ?? throw new RequestException("the server doesn't know this machine yet.", "An agent says hello first.");

    private static string MachineOf(HttpContext http) => http.User.FindFirstValue(ApiKeyHandler.MachineClaim)
        ?? throw new RequestException("that key is no machine's.");

    // The options of the agents' messages, not those of the API: both ends are this program.
    private static IResult Reply<T>(T answer) => Answers.Json(answer, Json.Line);

    private static async Task<T> ReadAsync<T>(HttpContext http)
        where T : class
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = MostBytes;
        try
        {
            using var body = new MemoryStream();
            Stream input = http.Request.Body;
            await using GZipStream? packed = http.Request.Headers.ContentEncoding == "gzip"
                ? new GZipStream(input, CompressionMode.Decompress) : null;
            byte[] chunk = new byte[1 << 16];
            for (int got; (got = await (packed ?? input).ReadAsync(chunk, http.RequestAborted)) > 0;)
            {
                body.Write(chunk, 0, got);
                if (body.Length > MostUnpacked) throw new RequestException($"a message has at most {MostUnpacked} bytes.");
            }

            return JsonSerializer.Deserialize<T>(body.GetBuffer().AsSpan(0, (int)body.Length), Json.Line)
                ?? throw new RequestException("the message is empty.");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new RequestException($"the message can't be read: {e.Message}", null, e);
        }
    }
}
