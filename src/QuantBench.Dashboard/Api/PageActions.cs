using System.Collections.Immutable;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Core.Suites;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Notes;
using QuantBench.Lab.Queue;
using QuantBench.Lab.Runs;
using QuantBench.Lab.Schedules;
using QuantBench.Lab.State;
using QuantBench.Lab.Suites;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Api;

/// <summary>What forms of pages send. Each takes an antiforgery token, has one policy, writes the audit log and leads back to its
/// page.</summary>
internal static class PageActions
{
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        // Reading a form makes the antiforgery check part of the endpoint.
        RouteGroupBuilder all = endpoints.MapGroup("/actions").ExcludeFromDescription().AddEndpointFilter(ExplainAsync);
        RouteGroupBuilder anyone = all.MapGroup("").AllowAnonymous();
        anyone.MapPost("/login", LoginAsync).RequireRateLimiting(RateLimits.Login);
        anyone.MapPost("/setup", SetupAsync).RequireRateLimiting(RateLimits.Login);
        anyone.MapPost("/logout", LogoutAsync);
        anyone.MapPost("/theme", SetTheme);

        RouteGroupBuilder operators = all.MapGroup("").RequireAuthorization(Policies.Operate).RequireRateLimiting(RateLimits.Change);
        operators.MapPost("/runs/note", SetNote);
        operators.MapPost("/suites/run", RunSuite);
        operators.MapPost("/queue/cancel", Cancel);
        operators.MapPost("/schedules/add", AddSchedule);
        operators.MapPost("/schedules/pause", PauseSchedule);
        operators.MapPost("/schedules/run", RunSchedule);
        operators.MapPost("/schedules/remove", RemoveSchedule);

        ReviewActions.Map(operators);
        LabActions.Map(operators);

        RouteGroupBuilder admins = all.MapGroup("").RequireAuthorization(Policies.Administer).RequireRateLimiting(RateLimits.Change);
        admins.MapPost("/accounts/add", AddAccount);
        admins.MapPost("/accounts/role", SetRoleAsync);
        admins.MapPost("/accounts/remove", RemoveAccount);
        admins.MapPost("/keys/add", AddKey);
        admins.MapPost("/keys/revoke", RevokeKey);
        admins.MapPost("/runs/delete", DeleteRunAsync);
        SettingActions.Map(anyone, admins);
        PasswordActions.Map(all);
    }

    /// <summary>Who makes a request, as the audit log names them.</summary>
    internal static string Actor(HttpContext http) => Actor(http.User);

    /// <inheritdoc cref="Actor(HttpContext)"/>
    internal static string Actor(ClaimsPrincipal user) => user.Identity?.Name ?? "anonymous";

    private static async ValueTask<object?> ExplainAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (QuantBenchException e)
        {
            LabOptions lab = context.HttpContext.RequestServices.GetRequiredService<LabOptions>();
            string said = $"{e.Message}{(e.Hint is null ? "" : $"\n{e.Hint}")}";
            return Answers.Text(ServerPaths.For(context.HttpContext.User, lab, said), "text/plain; charset=utf-8",
                statusCode: StatusCodes.Status400BadRequest);
        }
    }

    private static async Task<IResult> LoginAsync(
        HttpContext http, SignInManager<Account> signIn, UserManager<Account> users, IPasswordHasher<Account> hasher, LoginGuard guard,
        AuditLog audit, [FromForm] string name, [FromForm] string password, [FromForm] string? to)
    {
        string address = http.Connection.RemoteIpAddress?.ToString() ?? "";
        string normalized = AccountMaker.Normalize(name.Trim());
        if (!guard.MayTry(http, normalized))
        {
            audit.Write("anonymous", "login.locked", Cut(name), detail: address);
            return Answers.Redirect(Link.To("/login", ("failed", "locked"), ("to", to)));
        }

        Account? account = await users.FindByNameAsync(name.Trim());
        // As much work for an unknown name as for a known one, so that answers don't tell which names exist.
        bool right = account is null ? hasher.HashPassword(new Account(), password).Length == 0
            : await users.CheckPasswordAsync(account, password);
        if (account is null || !right)
        {
            guard.Failed(http, normalized);
            audit.Write("anonymous", "login.failed", Cut(name), detail: address);
            return Answers.Redirect(Link.To("/login", ("failed", "wrong"), ("to", to)));
        }

        guard.Succeeded(http, normalized);
        await LoginCookie.SignInAsync(signIn, account);
        audit.Write(account.Name, "login", account.Name, detail: address);
        return Answers.Redirect(Local(to));
    }

    private static async Task<IResult> SetupAsync(
        HttpContext http, Bootstrap bootstrap, AccountStore accounts, SignInManager<Account> signIn, AuditLog audit, TimeProvider clock,
        [FromForm] string code, [FromForm] string name, [FromForm] string password)
    {
        if (!bootstrap.IsOpen) return Answers.Redirect("/login");
        if (!bootstrap.Fits(code))
            return Answers.Redirect(Link.To("/setup", ("failed", "The code is not the one on the server's console.")));
        (Account? account, string? problem) = Make(name, password, Role.Admin, clock);
        if (account is null) return Answers.Redirect(Link.To("/setup", ("failed", problem)));
        if (!accounts.AddFirst(account)) return Answers.Redirect("/login");
        audit.Write(account.Name, "account.add", account.Name, null, "admin, the first", http.Connection.RemoteIpAddress?.ToString());
        await LoginCookie.SignInAsync(signIn, account);
        return Answers.Redirect("/settings");
    }

    private static async Task<IResult> LogoutAsync(HttpContext http, EndedLogins ended, AccountStore accounts, IFormCollection _)
    {
        await LoginCookie.SignOutAsync(http, ended, accounts);
        return Answers.Redirect("/");
    }

    private static IResult SetTheme(HttpContext http, [FromForm] string? theme)
    {
        if (theme is "light" or "dark")
            http.Response.Cookies.Append(ThemeCookie.Name, theme,
                new CookieOptions
                {
                    HttpOnly = true,
                    SameSite = SameSiteMode.Lax,
                    MaxAge = TimeSpan.FromDays(365),
                    IsEssential = true,
                    Secure = http.Request.IsHttps
                });
        else
            http.Response.Cookies.Delete(ThemeCookie.Name);
        return Answers.Redirect("/settings");
    }

    private static IResult SetNote(HttpContext http, RunNotes notes, [FromForm] string run, [FromForm] string? note,
        [FromForm] string? tags, [FromForm] string? to)
    {
        if (!QuantBench.Results.Folders.RunFolder.IsValidId(run)) throw new RequestException("that is no run's id.");
        ImmutableArray<string> split = [.. (tags ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        notes.Set(run, new RunNote(note?.Trim() ?? "", split), Actor(http));
        return Answers.Redirect(to is null ? Link.Run(run) : Local(to));
    }

    private static async Task<IResult> DeleteRunAsync(HttpContext http, RunRemover remover, RunQueries runs, StoredRuns stored,
        [FromForm] string run, CancellationToken stop)
    {
        if (!(await stored.InfosAsync([run], stop)).TryGetValue(run, out RunInfo? info))
            throw new RequestException("there is no such run.");
        if (runs.FolderOf(run) is not { } folder)
            throw new RequestException($"run {run} was measured elsewhere.", "Delete it on the machine that has its folder.");
        remover.Remove(info, folder, Actor(http));
        return Answers.Redirect("/runs");
    }

    private static IResult RunSuite(HttpContext http, LabOptions lab, OccurrenceStore queue, AuditLog audit, SuiteApprovals approvals,
        DashboardOptions options, [FromForm] string suite)
    {
        Occurrence asked = QueueRequests.Start(lab, queue, audit, approvals, options, suite, [], http.User);
        return Answers.Redirect(Link.To("/suites", ("asked", asked.Key)) + "#schedules");
    }

    private static IResult Cancel(HttpContext http, OccurrenceStore queue, AuditLog audit, [FromForm] long id, [FromForm] string? to)
    {
        QueueRequests.Cancel(queue, audit, id, Actor(http));
        return Answers.Redirect(Local(to));
    }

    private static IResult AddSchedule(
        HttpContext http, LabOptions lab, ScheduleStore schedules, SuiteApprovals approvals, [FromForm] string suite,
        [FromForm] string name,
        [FromForm] string cron, [FromForm] string? zone, [FromForm] string? catchUp)
    {
        string file = lab.SuiteFile(suite) ?? throw new RequestException($"there is no suite '{suite}'.");
        if (!CronTimes.TryParse(cron, zone, out CronTimes? times, out string? problem))
            throw new RequestException($"{problem}.", "Five fields: minute hour day month weekday, e.g. 30 2 * * *");
        CatchUp policy = Word<CatchUp>(catchUp ?? "last", "missed times can't be");
        schedules.CheckNew(name);
        QueueRequests.Permit(lab, approvals, file, http.User);
        schedules.Add(name, file, new SuiteSchedule(times, policy), Actor(http));
        return Answers.Redirect("/suites#schedules");
    }

    private static IResult PauseSchedule(HttpContext http, ScheduleStore schedules, [FromForm] string name, [FromForm] bool paused)
    {
        schedules.SetPaused(name, paused, Actor(http));
        return Answers.Redirect("/suites#schedules");
    }

    private static IResult RunSchedule(HttpContext http, LabOptions lab, ScheduleStore schedules, OccurrenceStore queue, AuditLog audit,
        SuiteApprovals approvals, [FromForm] string name)
    {
        Schedule schedule = schedules.Get(name);
        QueueRequests.Permit(lab, approvals, schedule.Suite, http.User);
        Occurrence asked = queue.Request(schedule.Suite, Actor(http), schedule.Name);
        audit.Write(Actor(http), "run.start", asked.Key, null, schedule.Suite);
        return Answers.Redirect("/suites#schedules");
    }

    private static IResult RemoveSchedule(HttpContext http, ScheduleStore schedules, [FromForm] string name)
    {
        schedules.Remove(name, Actor(http));
        return Answers.Redirect("/suites#schedules");
    }

    private static IResult AddAccount(
        HttpContext http, AccountStore accounts, AuditLog audit, TimeProvider clock, [FromForm] string name, [FromForm] string password,
        [FromForm(Name = "role")] string roleName)
    {
        Role role = Word<Role>(roleName, "a role can't be");
        (Account? account, string? problem) = Make(name, password, role, clock);
        if (account is null || !accounts.Add(account)) return Said(problem ?? $"There is an account '{name}' already.");
        audit.Write(Actor(http), "account.add", account.Name, null, Policies.Name(role));
        return Said($"Account {account.Name} was added.");
    }

    private static async Task<IResult> SetRoleAsync(HttpContext http, UserManager<Account> users, AccountStore accounts, AuditLog audit,
        [FromForm] string id, [FromForm(Name = "role")] string roleName)
    {
        Role role = Word<Role>(roleName, "a role can't be");
        if (role == Role.Agent) return Said("An account can't be an agent: those have keys.");
        if (accounts.Find(id) is not { } account) return Said("That account is gone.");
        Role before = account.Role;
        if (before == Role.Admin && role != Role.Admin && accounts.List().Count(a => a.Role == Role.Admin) == 1)
            return Said("The last admin stays admin.");
        account.Role = role;
        // A new stamp ends logins that carry the old role.
        await users.UpdateSecurityStampAsync(account);
        audit.Write(Actor(http), "account.role", account.Name, Policies.Name(before), Policies.Name(role));
        return Said($"{account.Name} is {Policies.Name(role)} now.");
    }

    private static IResult RemoveAccount(HttpContext http, AccountStore accounts, AuditLog audit, [FromForm] string id)
    {
        if (accounts.Find(id) is not { } account) return Said("That account is gone.");
        if (!accounts.Remove(id)) return Said("The last admin stays.");
        audit.Write(Actor(http), "account.remove", account.Name, Policies.Name(account.Role), null);
        return Said($"Account {account.Name} was removed.");
    }

    private static IResult AddKey(HttpContext http, ApiKeyStore keys, OneLook looks, AuditLog audit, [FromForm] string name,
        [FromForm(Name = "role")] string roleName)
    {
        Role role = Word<Role>(roleName, "a role can't be");
        (string key, ApiKeyInfo info) = keys.Create(Cut(name), Actor(http), role);
        audit.Write(Actor(http), "key.add", info.Prefix, null, $"{info.Name}, {Policies.Name(role)}");
        return Answers.Redirect(Link.To("/settings", ("ticket", looks.Put(key))));
    }

    private static IResult RevokeKey(HttpContext http, ApiKeyStore keys, AuditLog audit, [FromForm] string id)
    {
        ApiKeyInfo? key = keys.List().FirstOrDefault(k => k.Id == id);
        if (key is null || !keys.Revoke(id)) return Said("That key doesn't work any more.");
        audit.Write(Actor(http), "key.revoke", key.Prefix, key.Name, null);
        return Said($"Key {key.Prefix}… was revoked.");
    }

    // By their words only: to the parser numbers and lists of words are values too.
    private static T Word<T>(string given, string refusal) where T : struct, Enum =>
        Enum.GetNames<T>().FirstOrDefault(n => n.Equals(given, StringComparison.OrdinalIgnoreCase)) is { } word ? Enum.Parse<T>(word)
            : throw new RequestException($"{refusal} '{Cut(given)}'.",
                $"One of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}.");

    private static (Account? Account, string? Problem) Make(string name, string password, Role role, TimeProvider clock)
    {
        try
        {
            return (AccountMaker.Make(name, password, role, clock), null);
        }
        catch (RequestException e)
        {
            return (null, e.Message);
        }
    }

    internal static IResult Said(string what) => Answers.Redirect(Link.To("/settings", ("said", what)));

    // Only addresses of this server: a login must not lead elsewhere. A header holds ASCII, so what isn't is escaped.
    internal static string Local(string? to) => to is ['/', not ('/' or '\\'), ..] or "/" && !to.Any(char.IsControl)
        ? string.Concat(to.EnumerateRunes().Select(r => r.IsAscii ? r.ToString() : Uri.EscapeDataString(r.ToString()))) : "/";

    private static string Cut(string text) => text.Length > 64 ? text[..64] : text;
}
