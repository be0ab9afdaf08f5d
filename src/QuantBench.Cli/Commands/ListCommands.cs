using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Microsoft.Data.Analysis;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Frames;
using QuantBench.Analysis.Limits;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Profiles;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Core.Workloads;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench variants</c>, <c>metrics</c>, <c>settings</c> and <c>profiles</c>: what suites, limits and commands may
/// name.</summary>
internal static class ListCommands
{
    public static IEnumerable<Command> Build(GlobalOptions global) =>
    [
        List(global, "variants", "List every format and quant scheme, one line each.", _ => Table<QuantScheme>(
            "variants", QuantSchemes.All, ("variant", s => $"{s.Format}:{s.Name}"), ("class", s => Format.Class(s.PrecisionClass)),
            ("bits", s => s.NominalBits.ToString(CultureInfo.InvariantCulture)),
            ("description", s => s.Description + (s.NeedsImportanceMatrix ? "; needs +imatrix" : "")
                + (s.NeedsCalibrationText ? "; calibrated on a text" : "")))),
        List(global, "metrics", "List every metric, one line each.", _ => Table<MetricDefinition>(
            "metrics", [.. MetricTable.All, DecisionMetrics.PerplexityRise], ("metric", m => m.Name), ("unit", m => m.Unit),
            ("better", m => m.Direction == Direction.None ? Format.Missing : m.Direction.ToString().ToLowerInvariant()),
            ("title", m => m.Title), ("description", m => m.Description))),
        List(global, "settings", "List every setting with its default and the workloads that take it.", environment =>
        {
            EngineCatalog engines = environment.Engines.Catalog;
            return Table<SettingDefinition>("settings", engines.Settings, ("setting", s => s.Key),
                ("default", s => Convert.ToString(s.Default, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : Format.Missing),
                ("description", s => s.Description + (s.Choices.IsDefaultOrEmpty ? "" : $"; one of {string.Join(", ", s.Choices)}")),
                ("workloads", s => string.Join(", ", WorkloadTable.All.Where(w => engines.Takes(w, s.Key)).Select(w => w.Name))));
        }),
        List(global, "profiles", "List the profiles of this installation: for what, with which limits, what they prefer.", environment =>
            Table<(string Name, Profile? Profile, string? Fault)>("profiles",
                [.. SuiteFiles.Profiles(environment.Root).Select(n => Read(environment, n))],
                ("profile", p => p.Name),
                ("limits", p => p.Profile is { } profile ? string.Join(", ", profile.Limits.Select(BoundCheck.Text)) : Format.Missing),
                ("prefers", p => p.Profile is { } profile ? DecisionText.Preference(profile) : Format.Missing),
                ("description", p => p.Profile?.Description ?? $"broken: {p.Fault}"))),
    ];

    private static (string, Profile?, string?) Read(RunnerEnvironment environment, string name)
    {
        try
        {
            return (name, ProfileReader.Load(SuiteFiles.Profile(environment.Root, name), environment.Engines.Catalog), null);
        }
        catch (QuantBenchException e)
        {
            return (name, null, e.Message); // the others are listed
        }
    }

    private static Command List(GlobalOptions global, string name, string description, Func<RunnerEnvironment, Frame> table)
    {
        var output = new FrameOutput();
        var command = new Command(name, description);
        output.AddTo(command);
        command.SetAction((parsed, stop) =>
        {
            Frame list = table(global.Environment(parsed));
            return output.WriteAsync(parsed, () => FrameWriter.Text(list, "md"), () => list, stop);
        });
        return command;
    }

    private static Frame Table<T>(string name, ImmutableArray<T> rows, params (string Head, Func<T, string> Of)[] columns) =>
        new(name, new DataFrame(columns.Select(c => new StringDataFrameColumn(c.Head, rows.Select(c.Of)))),
            ImmutableDictionary<string, string>.Empty, Notes: []);
}
