using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;

namespace QuantBench.Dashboard.Api;

/// <summary>
/// Starts a suite when a repository says that something was pushed: <c>POST /api/v1/hooks/SUITE</c>, the body signed as GitHub, Gitea and
/// GitLab's system hooks do it (<c>X-Hub-Signature-256: sha256=…</c>). Nothing of the body is used; the same
/// delivery again starts nothing.
/// </summary>
internal static class HookEndpoint
{
    private const string Signature = "X-Hub-Signature-256";
    private const int MostBytes = 1 << 20;

    public static void Map(RouteGroupBuilder api) => api.MapPost("/hooks/{suite}", ReceiveAsync).AllowAnonymous()
        .RequireRateLimiting(RateLimits.Change)
        .WithSummary("Puts a run of a suite into the queue; the body is signed with the secret that 'quantbench lab hook' prints");

    private static async Task<IResult> ReceiveAsync(HttpContext http, string suite, LabSettings settings, LabOptions lab,
        OccurrenceStore queue, SuiteApprovals approvals, AuditLog audit, DashboardOptions options)
    {
        if (http.Request.ContentLength is > MostBytes) return Answers.StatusCode(StatusCodes.Status413PayloadTooLarge);
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted); // the server's limit is the same
        byte[] content = body.ToArray();
        if (settings.Get(LabSettings.HookSecret) is not { } secret
            || !IsSigned(http.Request.Headers[Signature].ToString(), secret, content))
            return Answers.StatusCode(StatusCodes.Status401Unauthorized);
        if (options.Launcher is null) throw new RequestException("this server only shows pages.");
        string file = lab.SuiteFile(suite) ?? throw new RequestException($"there is no suite '{suite}' here.");
        approvals.Check(SuiteLoader.Load(file, lab.Engines));
        // A delivery has an id of its own; without one its content is it.
        string delivery = http.Request.Headers["X-GitHub-Delivery"].ToString() is { Length: > 0 } id ? id
            : http.Request.Headers["X-Gitea-Delivery"].ToString();
        string hash = Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes(delivery), 0, .. content]))[..16];
        (Occurrence asked, bool isNew) = queue.RequestOnce(file, $"hook-{suite}-{hash}", "hook");
        if (isNew) audit.Write("hook", "run.start", asked.Key, null, file, http.Connection.RemoteIpAddress?.ToString());
        return isNew ? Answers.Created("/api/v1/queue", new { asked.Key }) : Answers.Ok(new { asked.Key });
    }

    private static bool IsSigned(string header, string secret, byte[] content)
    {
        const string start = "sha256=";
        byte[] wanted = Encoding.ASCII.GetBytes(start
            + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), content)));
        return CryptographicOperations.FixedTimeEquals(wanted, Encoding.ASCII.GetBytes(header.ToLowerInvariant()));
    }
}
