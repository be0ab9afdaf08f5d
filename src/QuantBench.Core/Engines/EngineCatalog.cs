using System.Collections.Immutable;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;

namespace QuantBench.Core.Engines;

/// <summary>What is known of an installation's engines without starting them. The composition root makes it of their registrations; suites
/// are checked against it.</summary>
public sealed class EngineCatalog
{
    /// <summary>Stands for a backend's id in texts that are written without knowing the engines.</summary>
    internal const string BackendMark = "{backend}";

    /// <summary>A catalogue.</summary>
    /// <param name="engines">The engines; examples name the first.</param>
    public EngineCatalog(ImmutableArray<EngineFacts> engines)
    {
        Engines = engines;
        Example = engines is [var first, ..] ? $"{first.Name}/{first.UsualDevice}" : "engine/device";
        Settings =
        [
            .. SettingTable.All[..^1].Select(s => s with { Description = Fill(s.Description) }),
            .. engines.SelectMany(e => e.Settings),
            SettingTable.All[^1], // the seed stays last, where the published schema lists it
        ];
    }

    /// <summary>No engine is known: formats are asked at run time.</summary>
    public static EngineCatalog None { get; } = new([]);

    /// <summary>The engines, in the composition root's order.</summary>
    public ImmutableArray<EngineFacts> Engines { get; }

    /// <summary>A backend's id, for examples.</summary>
    public string Example { get; }

    /// <summary>Every setting, the engines' own included, in the order docs list them.</summary>
    public ImmutableArray<SettingDefinition> Settings { get; }

    /// <summary>The engine of a name, or null.</summary>
    public EngineFacts? Find(string name) => Engines.FirstOrDefault(e => e.Name == name);

    /// <summary>The setting of a key, or null.</summary>
    public SettingDefinition? Setting(string key) => Settings.FirstOrDefault(s => s.Key == key);

    /// <summary>Whether a workload takes a setting.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="key">A key of <see cref="Settings"/>.</param>
    public bool Takes(WorkloadDefinition workload, string key)
    {
        ArgumentNullException.ThrowIfNull(workload);
        return workload.Settings.Contains(key) || (workload.RunsModel && SettingTable.Find(key) is null && Setting(key) is not null);
    }

    /// <summary>The settings that a workload takes; all when it is null.</summary>
    /// <param name="workload">The workload.</param>
    public IEnumerable<SettingDefinition> SettingsOf(WorkloadDefinition? workload) =>
        Settings.Where(s => workload is null || Takes(workload, s.Key));

    /// <summary>A text with the example in place of its mark.</summary>
    internal string Fill(string text) => text.Replace(BackendMark, Example, StringComparison.Ordinal);
}
