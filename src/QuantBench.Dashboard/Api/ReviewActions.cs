using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab.Reviews;
using QuantBench.Results.Folders;

namespace QuantBench.Dashboard.Api;

/// <summary>What forms of the Trends page send.</summary>
internal static class ReviewActions
{
    public static void Map(RouteGroupBuilder operators)
    {
        operators.MapPost("/trends/acknowledge", Acknowledge);
        operators.MapPost("/trends/reopen", Reopen);
    }

    private static IResult Acknowledge(
        HttpContext http, ChangeReviews reviews, ReviewCounter counter, [FromForm] string metric, [FromForm] string cell,
        [FromForm] string machine, [FromForm] string run, [FromForm] string? note, [FromForm] string? to)
    {
        reviews.Acknowledge(Key(metric, cell, machine, run), note ?? "", PageActions.Actor(http));
        counter.Recount();
        return Answers.Redirect(PageActions.Local(to));
    }

    private static IResult Reopen(
        HttpContext http, ChangeReviews reviews, ReviewCounter counter, [FromForm] string metric, [FromForm] string cell,
        [FromForm] string machine, [FromForm] string run, [FromForm] string? to)
    {
        reviews.Reopen(Key(metric, cell, machine, run), PageActions.Actor(http));
        counter.Recount();
        return Answers.Redirect(PageActions.Local(to));
    }

    private static ChangeKey Key(string metric, string cell, string machine, string run)
    {
        if (MetricTable.Find(metric) is null) throw new RequestException($"there is no metric '{metric}'.");
        if (!RunFolder.IsValidId(run)) throw new RequestException("that is no run's id.");
        if (cell.Length is 0 or > 64 || machine.Length is 0 or > 128)
            throw new RequestException("a change is named by its cell and machine.", "Use the form of the Trends page.");
        return new ChangeKey(metric, cell, machine, run);
    }
}
