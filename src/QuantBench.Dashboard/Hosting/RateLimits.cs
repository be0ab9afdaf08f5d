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
        limiter.AddPolicy(Login, http => Window(http, options.LoginsPerMinute, TimeSpan.FromMinutes(1)));
        limiter.AddPolicy(Change, http => Window(http, options.ChangesPerMinute, TimeSpan.FromMinutes(1)));
    });

    private static RateLimitPartition<string> Window(HttpContext http, int permits, TimeSpan window) =>
        RateLimitPartition.GetFixedWindowLimiter(
        http.Connection.RemoteIpAddress?.ToString() ?? "unknown",
        _ => new FixedWindowRateLimiterOptions { PermitLimit = permits, Window = window });
}
