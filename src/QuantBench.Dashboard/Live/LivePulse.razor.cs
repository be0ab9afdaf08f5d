using Microsoft.AspNetCore.Components;

namespace QuantBench.Dashboard.Live;

/// <summary>
/// Keeps a page live: when the store changes, the page is fetched again at the same address and merged in place, so rows and cells change
/// where they stand. The one part of a page that holds a circuit.
/// </summary>
public sealed partial class LivePulse
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan s_speakEvery = TimeSpan.FromSeconds(10);

    private DateTimeOffset _spokenAt = DateTimeOffset.MinValue;
    private string _spoken = "";
    private string? _connected;
    private ITimer? _timer;
    private int _waiting;

    /// <summary>What a screen reader is told, at most every ten seconds.</summary>
    [Parameter]
    public string Summary { get; set; } = "";

    [Inject]
    private ResultWatcher Watcher { get; set; } = null!;

    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    [Inject]
    private TimeProvider Clock { get; set; } = null!;

    /// <inheritdoc/>
    public void Dispose()
    {
        Watcher.Changed -= OnChanged;
        _timer?.Dispose();
    }

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        DateTimeOffset now = Clock.GetUtcNow();
        if (now - _spokenAt < s_speakEvery || Summary == _spoken) return;
        (_spoken, _spokenAt) = (Summary, now);
    }

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (!firstRender) return;
        _timer = Clock.CreateTimer(_ => Refresh(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Watcher.Changed += OnChanged;
        // Only a circuit renders a second time: the mark says that the page is live from here on.
        _connected = "true";
        StateHasChanged();
    }

    // Many cells may end at once; one refresh shows them all.
    private void OnChanged()
    {
        if (Interlocked.Exchange(ref _waiting, 1) == 0) _timer?.Change(s_shortest, Timeout.InfiniteTimeSpan);
    }

    private void Refresh()
    {
        Interlocked.Exchange(ref _waiting, 0);
        _ = InvokeAsync(() => Navigation.Refresh());
    }
}
