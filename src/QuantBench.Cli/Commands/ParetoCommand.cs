using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Candidates;
using QuantBench.Analysis.Decide;
using QuantBench.Analysis.Frames;
using QuantBench.Analysis.Plots;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Core.Limits;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench pareto</c>.</summary>
internal static class ParetoCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = ResultsCommand.RunArgument();
        run.DefaultValueFactory = _ => "latest";
        var metrics = new Option<string[]>("--metrics")
        {
            Description = "axes, two or more, with commas between or repeated (default: bits_per_weight, kl_mean or ppl_rise, tg_tps)",
            HelpName = "METRIC",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<double> tolerance = NumberOption.Decimal("--tolerance", 0, 100, 0);
        tolerance.Description = "relative loss on an axis that counts as none, in per cent";
        tolerance.HelpName = "PERCENT";
        var plot = new Option<string?>(
            "--plot")
        {
            Description = "also draw the first two axes to an SVG file; several models add their name to it",
            HelpName = "FILE"
        };
        var output = new FrameOutput();
        var command = new Command("pareto", "Show which variants no other beats, and which are only beaten within the noise.") { run,
            metrics, tolerance, plot };
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            Collections.HoldBack();
            MetricSelector[] chosen =
            [
                .. (parsed.GetValue(metrics) ?? []).SelectMany(Split)
                    .Select(m => MetricSelector.Parse(m, Composition.Engines.All.Catalog)),
            ];
            CandidateSet set = CandidateSet.Of(
                global.Environment(parsed).Runs.Load(parsed.GetRequiredValue(run), ParetoAnalyzer.Sources(chosen)));
            IReadOnlyList<MetricSelector> axes = chosen.Length == 0 ? ParetoAnalyzer.DefaultAxes(set) : chosen;
            ImmutableArray<ParetoFront> fronts = ParetoAnalyzer.Analyze(set, axes, parsed.GetValue(tolerance) / 100);
            await output.WriteAsync(parsed, () => DecisionText.Markdown(fronts, output.MostRows(parsed)), () => AnalysisFrames.Of(fronts),
                stop);
            if (parsed.GetValue(plot) is { } path) Plot(parsed, fronts, path);
        });
        help.Add(command, """
            Examples:
              quantbench pareto latest
              quantbench pareto latest --metrics rss_peak,ppl_rise --plot front.svg
              quantbench pareto latest --metrics artifact_size,kl_mean,tg_tps@depth=512 --tolerance 1
              quantbench pareto latest --format json | jq '.rows[] | select(.place == "on the front") | .variant'

            Metrics are those of 'quantbench results export', ppl_rise (relative rise over the reference variant), and percentiles such as
            token_latency_p99. 'beaten, not shown': another variant has better estimates, but within the intervals this one may be as good.
            """);
        return command;
    }

    // A comma also stands between the settings of one metric: tg_tps@depth=512,threads=4 keeps together.
    private static List<string> Split(string text)
    {
        var names = new List<string>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Contains('=', StringComparison.Ordinal) && !part.Contains('@', StringComparison.Ordinal) && names.Count > 0)
                names[^1] += $",{part}";
            else names.Add(part);
        }

        return names;
    }

    private static void Plot(ParseResult parsed, ImmutableArray<ParetoFront> fronts, string path)
    {
        foreach (ParetoFront front in fronts)
        {
            string file = fronts.Length == 1 ? path : Path.ChangeExtension(path, null) + $"-{front.Model}" + Path.GetExtension(path);
            PlotFigure figure = ParetoFrontPlot.Draw(front)
                ?? throw new RequestException($"{front.Model} has fewer than two variants with a figure on every axis: nothing to draw.",
                    "Choose other --metrics; the table says what is missing.");
            File.WriteAllText(file, figure.Svg);
            parsed.InvocationConfiguration.Error.WriteLine($"plot: {Path.GetFullPath(file)}");
        }
    }
}
