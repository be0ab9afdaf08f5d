using System.Collections.Immutable;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Workloads;

/// <summary>A workload that suites may name: everything that is known of it outside its evaluator.</summary>
/// <param name="Name">The name in suites, cells and on the command line.</param>
/// <param name="Description">One line for help texts and the JSON Schema.</param>
public sealed record WorkloadDefinition(string Name, string Description)
{
    /// <summary>Whether it runs a model; otherwise it needs no artifact, and its cells stand under
    /// <see cref="WorkloadTable.NoModel"/>.</summary>
    public bool RunsModel { get; init; } = true;

    /// <summary>Whether it measures time, so that its cells are ordered for fair comparison; otherwise it measures quality.</summary>
    public bool IsTimed { get; init; }

    /// <summary>Whether it scores a text.</summary>
    public bool NeedsText { get; init; }

    /// <summary>Whether it asks the items of a task.</summary>
    public bool NeedsItems { get; init; }

    /// <summary>Whether it measures servers, so that other engines can't run it.</summary>
    public bool NeedsServer { get; init; }

    /// <summary>Whether its cells compare with answers of a reference variant, computed before them.</summary>
    public bool NeedsReference { get; init; }

    /// <summary>Keys of the settings it takes, in no order: that is <see cref="SettingTable"/>'s. Where it runs a model, it takes the
    /// engines' own as well.</summary>
    public ImmutableArray<string> Settings { get; init; } = [];

    /// <summary>Keys of the settings that only say how its pass over a text is scored, so that cells which differ in these alone, of
    /// whatever workload, can be measured in one pass; null where nothing can be shared.</summary>
    public ImmutableArray<string>? Scoring { get; init; }

    /// <summary>Names of the metrics that say how a cell came out, the most telling first.</summary>
    public ImmutableArray<string> Leads { get; init; } = [];

    /// <summary>The settings that a cell's short name says; empty when the workload's name says enough.</summary>
    public Func<CellSettings, string> Label { get; init; } = _ => "";

    /// <summary>What is wrong with settings that are each right; null when nothing is.</summary>
    public Func<CellSettings, (string Problem, string Hint)?> Check { get; init; } = _ => null;

    /// <summary>Settings without those that make no difference beside the others, so that one measurement has one id.</summary>
    public Func<CellSettings, CellSettings> Settle { get; init; } = s => s;
}
