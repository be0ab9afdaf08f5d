using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using QuantBench.Lab.Agents;

namespace QuantBench.Dashboard.Api;

/// <summary>What forms of the page of agents send.</summary>
internal static class LabActions
{
    private const string Page = "/agents";

    public static void Map(RouteGroupBuilder operators)
    {
        operators.MapPost("/lab/drain",
            (HttpContext http, MachineStore machines, [FromForm] string machine, [FromForm] bool drained) =>
            {
                machines.SetDrained(machine, drained, "", PageActions.Actor(http));
                return Answers.Redirect(Page);
            });
        operators.MapPost("/lab/release",
            (HttpContext http, JobStore jobs, JobSignal signal, [FromForm] string job) =>
            {
                jobs.Release(job, PageActions.Actor(http));
                signal.Pulse();
                return Answers.Redirect(Page);
            });
        operators.MapPost("/lab/pause",
            (HttpContext http, LabPause pause, JobSignal signal, [FromForm] bool paused) =>
            {
                if (paused) pause.Pause("", PageActions.Actor(http));
                else pause.Resume(PageActions.Actor(http));
                signal.Pulse();
                return Answers.Redirect(Page);
            });
    }
}
