using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace QuantBench.Lab.Alerts;

/// <summary>Looks for what somebody should hear of, and sends it, as often as it takes for a day. Not thread-safe.</summary>
/// <param name="store">Which alerts there were.</param>
/// <param name="sources">Who looks.</param>
/// <param name="clock">The one clock.</param>
/// <param name="logger">Receives what couldn't be sent.</param>
public sealed class AlertRound(AlertStore store, IEnumerable<IAlertSource> sources, TimeProvider clock, ILogger<AlertRound> logger)
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(15);

    private readonly Dictionary<AlertWay, (DateTimeOffset Next, TimeSpan Pause)> _pauses = [];

    /// <summary>Looks and sends once.</summary>
    /// <param name="stop">Stops.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        if (store.Settings is not { } settings) return;
        store.Add(sources.SelectMany(s => s.Look(settings)));
        if (settings.Webhook is not null) await SendAsync(AlertWay.Webhook, settings, stop);
        if (settings.Mails) await SendAsync(AlertWay.Mail, settings, stop);
        store.Forget();
    }

    private async Task SendAsync(AlertWay way, AlertSettings settings, CancellationToken stop)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (_pauses.TryGetValue(way, out (DateTimeOffset Next, TimeSpan Pause) pause) && now < pause.Next) return;
        ImmutableArray<Alert> waiting = store.Waiting(way);
        if (waiting.IsEmpty) return;
        string? problem = await AlertPost.SendAsync(way, settings, waiting, stop);
        // Crash point: it went out and isn't noted. It goes out again: told twice is better than not at all.
        store.Note(way, waiting, problem);
        if (problem is null)
        {
            _pauses.Remove(way);
            return;
        }

        TimeSpan next = pause.Pause == default ? TimeSpan.FromSeconds(30) : pause.Pause * 2;
        _pauses[way] = (now + next, next < s_longestPause ? next : s_longestPause);
        logger.LogWarning("{Count} alerts can't be sent by {Way}: {Problem}", waiting.Length, way, problem);
    }
}
