using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Workloads;

/// <summary>How the settings of a task go together.</summary>
public static class TaskSettings
{
    /// <summary>Our own sets, which are made by the seed; any other name is a file.</summary>
    public static ImmutableArray<string> OwnSets { get; } = ["arithmetic", "copy", "sort", "needle", "json", Mixed];

    /// <summary>The set that has items of every other.</summary>
    public const string Mixed = "mixed";

    /// <summary>The set whose items have a haystack.</summary>
    public const string Needle = "needle";

    /// <summary>What a cell's short name says.</summary>
    internal static string Label(CellSettings settings)
    {
        string set = settings.Text("set");
        return OwnSets.Contains(set) ? set : Path.GetFileNameWithoutExtension(set);
    }

    /// <summary>What is wrong with settings that are each right.</summary>
    internal static (string Problem, string Hint)? Check(CellSettings settings)
    {
        if (settings.Text("set").Length == 0) return ("a task has no set", $"name one: {string.Join(", ", OwnSets)}, or a file");
        if (OwnSets.Contains(settings.Text("set")) && settings.Int("items") == 0)
            return ("items: 0 means all of a file, and this set has no end", "give a number, e.g. items: 100");
        return settings.Text("reference_backend") is { Length: > 0 } named && !BackendId.TryParse(named, out _)
            ? ($"reference_backend: '{named}' is not engine/device", "e.g. reference_backend: {backend}") : null;
    }

    /// <summary>Settings without those that make no difference beside the others.</summary>
    internal static CellSettings Settle(CellSettings settings)
    {
        if (settings.Text("set") is not (Mixed or Needle)) settings = settings.Without("haystack");
        return OwnSets.Contains(settings.Text("set")) ? settings : settings.Without("seed");
    }
}
