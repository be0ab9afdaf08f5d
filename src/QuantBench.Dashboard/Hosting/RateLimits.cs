using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace QuantBench.Dashboard.Hosting;

/// <summary>How often a caller may ask.</summary>
internal static class RateLimits
{
    /// <summary>For logins: guessing passwords must be slow.</summary>
    public const string Login = "login";

    /// <summary>For changes.</summary>
    public const string Change = "change";

    public static void AddRateLimits(this IServiceCollection services, DashboardOptions options) => services.AddRateLimiter(limiter =>
    {
        limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        limiter.AddPolicy(Login, http => Window(Origin(http), options.LoginsPerMinute, TimeSpan.FromMinutes(1)));
        // Who is logged in or has a key isn't slowed down by strangers at the same address.
        limiter.AddPolicy(Change, http => Window(
            http.User.Identity is { IsAuthenticated: true, Name: { } name } ? "user " + name : Origin(http),
            options.ChangesPerMinute, TimeSpan.FromMinutes(1)));
    });

    private static string Origin(HttpContext http) => http.RequestServices.GetRequiredService<LoginGuard>().Origin(http);

    private static RateLimitPartition<string> Window(string who, int permits, TimeSpan window) =>
        RateLimitPartition.GetFixedWindowLimiter(
        who,
        _ => new FixedWindowRateLimiterOptions { PermitLimit = permits, Window = window });
}
