using QuantBench.Lab.Settings;

namespace QuantBench.Lab.Agents;

/// <summary>Holds the lab's machines back from new jobs, all of them at once; what runs goes on.</summary>
/// <param name="settings">Where it is kept.</param>
public sealed class LabPause(LabSettings settings)
{
    /// <summary>Name of the setting; there while the lab is paused.</summary>
    internal const string Setting = "lab_paused";

    /// <summary>Why the lab is paused; null when it isn't.</summary>
    public string? Reason => settings.Get(Setting);

    /// <summary>Pauses the lab.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="actor">Who.</param>
    public void Pause(string reason, string actor) => settings.Set(Setting, reason is { Length: > 0 } ? reason : "paused", actor);

    /// <summary>Lets the machines work again.</summary>
    /// <param name="actor">Who.</param>
    public void Resume(string actor) => settings.Set(Setting, null, actor);
}
