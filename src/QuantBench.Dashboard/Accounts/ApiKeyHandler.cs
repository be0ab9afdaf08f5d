using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using QuantBench.Lab.Accounts;

namespace QuantBench.Dashboard.Accounts;

/// <summary>Reads <c>Authorization: Bearer qb_…</c>.</summary>
internal sealed class ApiKeyHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder,
    ApiKeyStore keys)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "ApiKey";

    /// <summary>Type of the claim that names an agent's machine.</summary>
    public const string MachineClaim = "machine";

    private const string Start = "Bearer ";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Start, StringComparison.OrdinalIgnoreCase)) return Task.FromResult(AuthenticateResult.NoResult());
        if (keys.Check(header[Start.Length..].Trim()) is not { } key)
            return Task.FromResult(AuthenticateResult.Fail("the key isn't known or was revoked"));
        var identity = new ClaimsIdentity(
            [
                new Claim(ClaimTypes.Name, $"key {key.Prefix}… ({key.Name})"), new Claim(ClaimTypes.Role, Policies.Name(key.Role)),
                // An agent is the machine that its key was made for.
                .. key.Role == Role.Agent ? (Claim[])[new Claim(MachineClaim, key.Name), new Claim(ClaimTypes.NameIdentifier, key.Id)] : [],
            ],
            SchemeName);
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName)));
    }
}
