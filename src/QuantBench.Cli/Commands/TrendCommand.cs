using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Frames;
using QuantBench.Analysis.Trends;
using QuantBench.Cli.Composition;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench trend</c>.</summary>
internal static class TrendCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var metric = new Argument<string>("metric") { Description = "metric name, e.g. tg_tps or perplexity" };
        Option<string?> machine = Filter("--machine", "only this machine: its id or host name", "NAME");
        Option<string?> cell = Filter("--cell", "only this cell", "ID");
        Option<string?> model = Filter("--model", "only this model", "ID");
        Option<string?> variant = Filter("--variant", "only this variant, e.g. gguf:Q4_K_M", "ID");
        Option<string?> backend = Filter("--backend", $"only this backend, e.g. {Composition.Engines.All.Catalog.Example}", "ID");
        Option<string?> workload = Filter("--workload", "only this workload", "NAME");
        Option<string?> suite = Filter("--suite", "only runs of this suite", "NAME");
        Option<int?> days = NumberOption.Whole("--days", 1, 36_500);
        days.Description = "only runs of the last N days";
        Option<int> recent = NumberOption.Whole("--recent", 1, 1_000_000, TrendAnalyzer.DefaultRecent);
        recent.Description = "latest runs of a series within which a change to the worse is an alert";
        var fail = new Option<bool>("--fail-on-worse") { Description = "exit code 3 when there is an alert" };
        var webhook = new Option<string?>("--webhook")
        {
            Description = "http(s) address that alerts are posted to as JSON",
            HelpName = "URL"
        };
        var confirmation = new Confirmation();
        var output = new FrameOutput();
        var command = new Command("trend", "Follow a metric over runs, per machine and cell, and say where its level changed.")
        {
            metric, machine, cell, model, variant, backend, workload, suite, days, recent, fail, webhook,
        };
        confirmation.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var environment = global.Environment(parsed);
            Uri? address = parsed.GetValue(webhook) is { } url ? Webhook.Address(url) : null; // a wrong address is said before the work
            long? since = parsed.GetValue(days) is { } back ? environment.Clock.GetUtcNow().AddDays(-back).ToUnixTimeMilliseconds() : null;
            string? id = parsed.GetValue(variant) is { } v
                ? Core.Variants.Variant.TryParse(v, out Core.Variants.Variant? known) ? known?.Id
                    : throw new RequestException($"'{v}' is not a known variant.", "e.g. gguf:Q4_K_M") : null;
            var query = new SeriesQuery(
                parsed.GetRequiredValue(metric), parsed.GetValue(machine), parsed.GetValue(cell), parsed.GetValue(model), id,
                parsed.GetValue(backend), parsed.GetValue(workload), parsed.GetValue(suite), since);
            int? again = confirmation.Times(parsed);
            TrendReport report = Analyze(parsed.GetValue(recent));
            if (again is { } times) report = await ConfirmAsync(report, times);
            if (report.Series.IsEmpty)
                throw new RequestException(
                    $"no run in {(environment.Store.IsDefault ? environment.ResultsRoot : "the store")} has {query.Metric} with these "
                        + $"filters.", "Loosen the filters, or take runs in with 'quantbench results reindex'.");
            await output.WriteAsync(parsed, () => TrendText.Markdown(report), () => AnalysisFrames.Of(report), stop);
            if (address is not null && !report.Alerts.IsEmpty)
            {
                string? problem = await Webhook.PostAsync(address, report, stop);
                parsed.InvocationConfiguration.Error.WriteLine(
                    problem is null ? $"posted {report.Alerts.Length.ToString(CultureInfo.InvariantCulture)} alerts to {address.Host}"
                        : $"warning: the webhook {address.Host} didn't take the alerts: {problem}");
            }

            return parsed.GetValue(fail) && !report.Alerts.IsEmpty ? ExitCode.GateBroken : ExitCode.Ok;

            TrendReport Analyze(int latest)
            {
                using AggregateReader store = AggregateReader.Open(environment.ResultsRoot, environment.Store);
                return TrendAnalyzer.Analyze(store, query, latest);
            }

            // The runs that it makes are further points of the series, none of which makes a change less recent; in turns with another
            // build they decide by themselves.
            async Task<TrendReport> ConfirmAsync(TrendReport found, int times)
            {
                string here = environment.ReadFingerprint().MachineId;
                var pairs = new List<ImmutableArray<(ComparisonSide Other, ComparisonSide Own)>>();
                foreach (IGrouping<string, TrendSeries> run in found.Alerts.Concat(found.Suspects).Select(a => a.Series)
                    .Where(s => s.MachineId == here).Distinct().GroupBy(s => s.Points[^1].RunId))
                {
                    HashSet<string> ids = [.. run.Select(s => s.CellId)];
                    Cell[] cells = [.. environment.Runs.Load(run.Key).Cells.Select(c => c.Cell).Where(c => ids.Contains(c.Id.Value))];
                    ImmutableArray<(RunRecord? Other, RunRecord Own)> made =
                        await confirmation.MeasureAsync(parsed, environment, run.Key, cells, stop);
                    pairs.Add([
                        .. made.Where(a => a.Other is not null)
                            .Select(a => (new ComparisonSide(a.Other!), new ComparisonSide(a.Own)))]); // just looked at
                }

                return pairs.Aggregate(Analyze(parsed.GetValue(recent) + times), TrendConfirmation.Apply);
            }
        });
        help.Add(command, """
            Examples:
              quantbench trend tg_tps --variant gguf:Q4_K_M
              quantbench trend tg_tps --machine bench-02 --days 30 --fail-on-worse
              quantbench trend perplexity --suite nightly --webhook https://chat.example/hook
              quantbench trend tg_tps --format csv --out tg.csv

            A change of level counts when it can't be the noise of the series: the noise is what its own runs show, never less than their
            intervals, and a false alarm in any of the series is kept below 5 %. A change that only the last run shows is 'unconfirmed'.
            With --confirm N what looks worse is measured N more times before anything is said; with --against in turns with another build.
            The webhook gets {"text": …, "alerts": [{…}]}; nothing is posted without an alert. Exit codes: 0, or 3 with --fail-on-worse.
            """);
        return command;
    }

    private static Option<string?> Filter(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };
}
