using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;

namespace QuantBench.Dashboard.Hosting;

/// <summary>
/// Makes guessing slow without letting one person lock another out: wrong passwords count against a name together with where they come
/// from, whether such an account exists or not. A browser that once logged in has a sign of its own, so what strangers do at the same
/// address doesn't count against it.
/// </summary>
/// <param name="protection">Signs the sign.</param>
/// <param name="clock">The one clock.</param>
internal sealed class LoginGuard(IDataProtectionProvider protection, TimeProvider clock)
{
    private const int MostFailures = 5;
    private const int MostKept = 100_000;
    private const string CookieName = "qb-known";
    private static readonly TimeSpan s_wait = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_known = TimeSpan.FromDays(180);

    private readonly IDataProtector _protector = protection.CreateProtector("known browsers");
    private readonly ConcurrentDictionary<string, (int Failures, DateTimeOffset Until)> _failed = new(StringComparer.Ordinal);

    /// <summary>Where a request comes from: a browser that is known, or else an address (of IPv6 the network, which one person has
    /// whole).</summary>
    public string Origin(HttpContext http) => Known(http) is { } known ? "browser " + known.Split(' ')[0] : Network(http);

    /// <summary>Whether a name may be tried from there.</summary>
    public bool MayTry(HttpContext http, string normalizedName) =>
        !_failed.TryGetValue(Key(http, normalizedName), out (int Failures, DateTimeOffset Until) have) || have.Failures < MostFailures
            || have.Until <= clock.GetUtcNow();

    /// <summary>Counts a wrong password.</summary>
    public void Failed(HttpContext http, string normalizedName)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (_failed.Count > MostKept)
        {
            foreach ((string key, (int _, DateTimeOffset until)) in _failed)
            {
                if (until <= now) _failed.TryRemove(key, out _);
            }
        }

        _failed.AddOrUpdate(Key(http, normalizedName), _ => (1, now + s_wait),
            (_, have) => (have.Until <= now ? 1 : have.Failures + 1, now + s_wait));
    }

    /// <summary>A right password: forgets the wrong ones before it, and knows the browser from now on.</summary>
    public void Succeeded(HttpContext http, string normalizedName)
    {
        _failed.TryRemove(Key(http, normalizedName), out _);
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        http.Response.Cookies.Append(CookieName, _protector.Protect($"{id} {normalizedName}"),
            new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
                MaxAge = s_known,
                IsEssential = true,
                Secure = http.Request.IsHttps,
            });
    }

    private string Key(HttpContext http, string normalizedName) =>
        // A sign is worth something for its own account only: nobody guesses at others' with it.
        (Known(http) is { } known && known[(known.IndexOf(' ', StringComparison.Ordinal) + 1)..] == normalizedName ? known : Network(http))
            + "\n" + normalizedName;

    private string? Known(HttpContext http)
    {
        if (http.Request.Cookies[CookieName] is not { Length: > 0 and < 1024 } cookie) return null;
        try
        {
            return _protector.Unprotect(cookie);
        }
        catch (CryptographicException)
        {
            return null; // another server's, or made up
        }
    }

    private static string Network(HttpContext http)
    {
        IPAddress? address = http.Connection.RemoteIpAddress;
        if (address is { IsIPv4MappedToIPv6: true }) address = address.MapToIPv4();
        return address is { AddressFamily: AddressFamily.InterNetworkV6 }
            ? Convert.ToHexStringLower(address.GetAddressBytes().AsSpan(0, 8)) : address?.ToString() ?? "unknown";
    }
}
