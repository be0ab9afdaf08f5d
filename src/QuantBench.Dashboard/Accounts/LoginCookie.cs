using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>What a login's cookie is worth: it is looked up with every request, so that a removed account, another role or a log-out ends
/// it at once. A cookie that is worth nothing is taken back, and its reader is anybody again.</summary>
internal static class LoginCookie
{
    /// <summary>How long a login lasts without being used.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(12);

    private const string LoginId = "login";

    /// <summary>A new login.</summary>
    public static Task SignInAsync(SignInManager<Account> signIn, Account account) =>
        signIn.SignInWithClaimsAsync(account, isPersistent: false, [new Claim(LoginId, Guid.NewGuid().ToString("N"))]);

    /// <summary>Ends a login, on the server too.</summary>
    public static async Task SignOutAsync(HttpContext http, EndedLogins ended, AccountStore accounts)
    {
        if (http.User.FindFirstValue(LoginId) is { } id) ended.End(id, Life);
        // Logins of an earlier version have no id: all of the account's end.
        else if (http.User.FindFirstValue(ClaimTypes.NameIdentifier) is { } account && accounts.Find(account) is { } found)
        {
            found.Stamp = Guid.NewGuid().ToString("N");
            accounts.Update(found);
        }

        await http.SignOutAsync(IdentityConstants.ApplicationScheme);
    }

    /// <summary>Judges the cookie of a request.</summary>
    public static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        IServiceProvider services = context.HttpContext.RequestServices;
        ClaimsPrincipal? user = context.Principal;
        string stampClaim = services.GetRequiredService<Microsoft.Extensions.Options.IOptions<IdentityOptions>>().Value.ClaimsIdentity
            .SecurityStampClaimType;
        bool good = user?.FindFirstValue(ClaimTypes.NameIdentifier) is { } id
            && services.GetRequiredService<AccountStore>().Find(id) is { } account
            && user.FindFirstValue(stampClaim) == account.Stamp
            && user.IsInRole(Policies.Name(account.Role))
            && !(user.FindFirstValue(LoginId) is { } login && services.GetRequiredService<EndedLogins>().Contains(login));
        if (good) return;
        context.RejectPrincipal();
        await context.HttpContext.SignOutAsync(IdentityConstants.ApplicationScheme);
    }
}
