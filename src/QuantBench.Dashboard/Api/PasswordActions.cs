using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.State;

namespace QuantBench.Dashboard.Api;

/// <summary>How people change their own password.</summary>
internal static class PasswordActions
{
    public static void Map(RouteGroupBuilder all) => all.MapGroup("").RequireAuthorization(Policies.Own)
        .RequireRateLimiting(RateLimits.Login).MapPost("/password", ChangeAsync);

    private static async Task<IResult> ChangeAsync(HttpContext http, UserManager<Account> users, SignInManager<Account> signIn,
        LoginGuard guard, AuditLog audit, [FromForm] string now, [FromForm] string password)
    {
        if (await users.GetUserAsync(http.User) is not { } account) return PageActions.Said("That account is gone.");
        // A browser that was left open isn't a way to guess the password.
        if (!guard.MayTry(http, account.Normalized)) return PageActions.Said("Too many wrong passwords: try again in ten minutes.");
        if (!await users.CheckPasswordAsync(account, now))
        {
            guard.Failed(http, account.Normalized);
            audit.Write(account.Name, "account.password.failed", account.Name);
            return PageActions.Said("Not changed: that is not the password.");
        }

        try
        {
            AccountMaker.SetPassword(account, password);
        }
        catch (RequestException e)
        {
            return PageActions.Said($"Not changed: {e.Message}");
        }

        // The new stamp ends every login of the account; this one begins anew.
        await users.UpdateSecurityStampAsync(account);
        guard.Succeeded(http, account.Normalized);
        await LoginCookie.SignInAsync(signIn, account);
        audit.Write(account.Name, "account.password", account.Name);
        return PageActions.Said("The password was changed; other logins of this account have ended.");
    }
}
