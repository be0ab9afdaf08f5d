using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Lab.Settings;
using QuantBench.Lab.State;

namespace QuantBench.Lab.Agents;

/// <summary>Holds the lab's machines back from new jobs: all of them at once, or in maintenance windows; what runs goes on.</summary>
/// <param name="settings">Where it is kept.</param>
public sealed class LabPause(LabSettings settings)
{
    private const string Paused = "lab_paused"; // there while the lab is paused
    private const string WindowList = "lab_windows";
    private const int MostWindows = 200;

    /// <summary>Why the lab is paused; null when it isn't.</summary>
    public string? Reason => settings.Get(Paused);

    /// <summary>The maintenance windows.</summary>
    public ImmutableArray<MaintenanceWindow> Windows => Parse(settings.Get(WindowList));

    /// <summary>Pauses the lab.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="actor">Who.</param>
    public void Pause(string reason, string actor) => settings.Set(Paused, reason is { Length: > 0 } ? reason : "paused", actor);

    /// <summary>Lets the machines work again.</summary>
    /// <param name="actor">Who.</param>
    public void Resume(string actor) => settings.Set(Paused, null, actor);

    /// <summary>Adds a maintenance window.</summary>
    /// <param name="window">The window.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="RequestException">Its times can't be read, or there are too many.</exception>
    public void Add(MaintenanceWindow window, string actor)
    {
        ArgumentNullException.ThrowIfNull(window);
        if (!CronTimes.TryParse(window.Cron, window.Zone, out _, out string? problem))
            throw new RequestException($"{problem}.", "Five fields: minute hour day month weekday, e.g. 30 2 * * *");
        if (window.Minutes is < 1 or > MaintenanceWindow.MostMinutes)
            throw new RequestException($"a window lasts 1 to {MaintenanceWindow.MostMinutes} minutes.");
        ImmutableArray<MaintenanceWindow> windows = Windows;
        if (windows.Length >= MostWindows) throw new RequestException($"there are {windows.Length} windows; that is enough.");
        if (!windows.Contains(window)) Write(windows.Add(window), actor);
    }

    /// <summary>Removes a maintenance window.</summary>
    /// <param name="number">Its number in the list, from 1.</param>
    /// <param name="actor">Who.</param>
    /// <exception cref="RequestException">There is none of that number.</exception>
    public MaintenanceWindow Remove(int number, string actor)
    {
        ImmutableArray<MaintenanceWindow> windows = Windows;
        if (number < 1 || number > windows.Length)
            throw new RequestException($"there is no window {number}.", "See 'quantbench lab window list'.");
        Write(windows.RemoveAt(number - 1), actor);
        return windows[number - 1];
    }

    /// <summary>Whether a machine is held back now, in the transaction that would give it a job.</summary>
    internal static bool Holds(DbConnection work, string machine, DateTimeOffset now)
    {
        List<(string Name, string Value)> set = work.Query(r => (r.GetString(0), r.GetString(1)),
            "SELECT name, value FROM settings WHERE name IN ($1, $2)", Paused, WindowList);
        return set.Any(s => s.Name == Paused) || set.Where(s => s.Name == WindowList).SelectMany(s => Parse(s.Value))
            .Any(w => w.Holds(machine, now));
    }

    private void Write(ImmutableArray<MaintenanceWindow> windows, string actor) =>
        settings.Set(WindowList, windows.IsEmpty ? null : JsonSerializer.Serialize(windows, Json.Line), actor);

    private static ImmutableArray<MaintenanceWindow> Parse(string? json) =>
        json is null ? [] : JsonSerializer.Deserialize<ImmutableArray<MaintenanceWindow>>(json, Json.Line);
}
