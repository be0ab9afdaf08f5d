using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace QuantBench.Dashboard.Accounts;

/// <summary>Hands a secret from the request that made it to the page that shows it: one look, within a minute, never in an
/// address.</summary>
/// <param name="clock">The one clock.</param>
public sealed class OneLook(TimeProvider clock)
{
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, (string Secret, DateTimeOffset Until)> _waiting = new(StringComparer.Ordinal);

    /// <summary>Keeps a secret.</summary>
    /// <returns>The ticket that gets it.</returns>
    public string Put(string secret)
    {
        DateTimeOffset now = clock.GetUtcNow();
        foreach ((string old, (string _, DateTimeOffset until)) in _waiting)
        {
            if (until < now) _waiting.TryRemove(old, out _);
        }

        string ticket = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _waiting[ticket] = (secret, now + s_life);
        return ticket;
    }

    /// <summary>The secret of a ticket, once; null afterwards.</summary>
    public string? Take(string ticket) =>
        _waiting.TryRemove(ticket, out (string Secret, DateTimeOffset Until) kept) && kept.Until >= clock.GetUtcNow() ? kept.Secret : null;
}
