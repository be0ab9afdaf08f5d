using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Frames;
using QuantBench.Core.Errors;
using QuantBench.Results.Reading;
using QuantBench.Runner;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench frame</c>.</summary>
internal static class FrameCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var runs = new Argument<string[]>("runs") { Description = "runs, one or more (default: latest)", Arity = ArgumentArity.ZeroOrMore };
        var where = new Option<string[]>("--where")
        {
            Description = "keep rows whose column fits the pattern; repeat for more",
            HelpName = "COLUMN=PATTERN"
        };
        Option<string[]> metrics = List("--metrics", "only these metrics");
        Option<string[]> rows = List("--rows", "pivot: columns that make a row; without it the frame is long");
        Option<string[]> columns = List("--columns", "pivot: columns whose values become columns (default: metric)");
        var value = new Option<string?>("--value") { Description = "pivot: what fills it (default: value)", HelpName = "COLUMN" };
        var sort = new Option<string?>("--sort") { Description = "column to sort by, with - in front for descending", HelpName = "COLUMN" };
        var view = new Option<string?>("--view") { Description = "start from a saved view; other options override it", HelpName = "NAME" };
        var save = new Option<string?>("--save") { Description = "save the view under a name", HelpName = "NAME" };
        var views = new Option<bool>("--views") { Description = "list the saved views and stop" };
        var output = new FrameOutput();
        var command = new Command("frame", "Runs' figures as a data frame: long or pivoted, filtered, sorted, exported.") { runs, where,
            metrics, rows, columns, value, sort, view, save, views };
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string root = environment.ResultsRoot;
            var saved = new SavedViews(root);
            if (parsed.GetValue(views))
            {
                foreach (string name in saved.List()) parsed.InvocationConfiguration.Output.WriteLine(name);
                return;
            }

            FrameView shown = parsed.GetValue(view) is { } start ? saved.Load(start) : new FrameView();
            if (parsed.GetValue(where) is { Length: > 0 } patterns)
                shown = shown with { Where = patterns.Select(Pattern).ToImmutableSortedDictionary(p => p.Column, p => p.Value) };
            if (Names(parsed.GetValue(metrics)) is { IsEmpty: false } m) shown = shown with { Metrics = m };
            if (Names(parsed.GetValue(rows)) is { IsEmpty: false } r) shown = shown with { Rows = r };
            if (Names(parsed.GetValue(columns)) is { IsEmpty: false } c) shown = shown with { Columns = c };
            if (parsed.GetValue(value) is { } v) shown = shown with { Value = v };
            if (parsed.GetValue(sort) is { } s) shown = shown with { Sort = s };
            RunReader source = environment.Runs;
            Frame frame =
                FrameBuilder.Build(shown,
                    [.. (parsed.GetValue(runs) is { Length: > 0 } named ? named : ["latest"]).Select(n => source.Load(n))]);
            if (parsed.GetValue(save) is { } name2) saved.Save(name2, shown);
            await output.WriteAsync(parsed, () => FrameWriter.Text(frame, "md"), () => frame, stop);
        });
        help.Add(command, """
            Examples:
              quantbench frame latest --metrics tg_tps,rss_peak --where workload=latency --rows variant,class
              quantbench frame run-a run-b --metrics tg_tps --rows variant --columns run --save speed-by-run
              quantbench frame latest --view speed-by-run --format parquet --out speed.parquet
              quantbench frame latest --where 'variant=Q4_*' --sort -value --format csv

            Columns: run, machine, cell, model, variant, class, backend, workload, settings, status, metric, unit, direction, protocol,
            value, error, n, mean, sd, median, p90, p95, p99, ci95_low, ci95_high. Views are saved in views/ of the results directory.
            """);
        return command;
    }

    private static Option<string[]> List(string name, string description) =>
        new(name) { Description = $"{description}; commas between, or repeat", HelpName = "NAMES" };

    private static ImmutableArray<string> Names(string[]? texts) =>
        [.. (texts ?? []).SelectMany(t => t.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    private static (string Column, string Value) Pattern(string text)
    {
        string[] parts = text.Split('=', 2, StringSplitOptions.TrimEntries);
        return parts.Length == 2 && parts[0].Length > 0 ? (parts[0], parts[1])
            : throw new RequestException($"'{text}' isn't COLUMN=PATTERN.", "e.g. --where variant=Q4_*");
    }
}
