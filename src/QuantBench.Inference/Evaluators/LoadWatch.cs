using System.Collections.Immutable;
using System.Globalization;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Watches the machine while a load runs: windows in which the hypervisor took cores, heat slowed them down, memory was waited for, or,
/// where the server is elsewhere, other processes kept them busy. A server on this machine is one of the others, and no disturbance.
/// </summary>
internal sealed class LoadWatch : IDisposable
{
    private static readonly TimeSpan s_every = TimeSpan.FromMilliseconds(500);

    private readonly EvaluationContext _context;
    private readonly bool _othersCount;
    private readonly long _start;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private readonly List<(long FromNs, long ToNs)> _windows = [];
    private readonly Dictionary<string, double> _most = [];
    private long _lastNs;

    /// <summary>Starts; call right before the load.</summary>
    /// <param name="context">The cell.</param>
    public LoadWatch(EvaluationContext context)
    {
        _context = context;
        _othersCount = !IsHere(context.ServerDevice ?? context.Cell.Backend.Device);
        _ = context.Machine.NextCores(TimeSpan.Zero);
        _start = context.Clock.GetTimestamp();
        _thread = new Thread(Watch) { IsBackground = true, Name = "load watch" };
        _thread.Start();
    }

    /// <summary>The disturbed windows in nanoseconds from the start; after <see cref="Dispose"/>.</summary>
    public ImmutableArray<(long FromNs, long ToNs)> Windows => [.. _windows];

    /// <summary>The most that was seen of each disturbance, as conditions of a cell; after <see cref="Dispose"/>.</summary>
    public IEnumerable<KeyValuePair<string, double>> Conditions => _most;

    /// <summary>A mark on the cell; null when nothing disturbed it.</summary>
    public string? Note => _windows.Count == 0 ? null : string.Create(CultureInfo.InvariantCulture,
        $"something else disturbed {_windows.Sum(w => (w.ToNs - w.FromNs) / 1e9):0.#} s of the load: the picture over time marks when");

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stop.IsSet) return;
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    /// <summary>Whether a device's server is on this machine.</summary>
    /// <param name="device">The device, with its address.</param>
    internal static bool IsHere(string device) => !Core.Cells.ServerAddress.TryParse(device, out Core.Cells.ServerAddress? address)
        || address.IsDeclared || new Uri(address.Url).IsLoopback;

    private void Watch()
    {
        while (!_stop.Wait(s_every)) Read();
        Read();
    }

    private void Read()
    {
        long now = (long)_context.Clock.GetElapsedTime(_start).TotalNanoseconds;
        if (_context.Machine.NextCores(s_every / 2) is not { } cores) return;
        Most("steal_share_max", cores.StealShare);
        Most("pressure_memory_max", cores.MemoryPressure);
        Most("pressure_io_max", cores.IoPressure);
        if (_othersCount) Most("other_share_max", cores.OtherShare);
        bool disturbed = cores.StealShare > InterferenceLog.MostStolen || cores.ThrottleEvents > 0
            || cores.MemoryPressure > InterferenceLog.MostWaited || (_othersCount && cores.OtherShare > InterferenceLog.MostOther);
        if (disturbed && _windows is [.., var last] && last.ToNs == _lastNs) _windows[^1] = (last.FromNs, now);
        else if (disturbed) _windows.Add((_lastNs, now));
        _lastNs = now;
    }

    private void Most(string key, double? value)
    {
        if (value is { } known) _most[key] = Math.Max(_most.GetValueOrDefault(key), known);
    }
}
