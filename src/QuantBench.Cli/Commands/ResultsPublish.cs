using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Reports;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench results publish</c>.</summary>
internal static class ResultsPublish
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var directory = new Argument<string>("directory") { Description = "where the site goes; made when missing", HelpName = "DIR" };
        var suite = new Option<string?>("--suite") { Description = "only runs of this suite", HelpName = "NAME" };
        var tag = new Option<string?>("--tag") { Description = "only runs that were started with this tag", HelpName = "TEXT" };
        var publish = new Command("publish", "Write a read-only site of plain files: results of runs, leaderboards of models.")
        {
            directory, suite, tag,
        };
        publish.SetAction((parsed, stop) =>
        {
            RunReader reader = global.Environment(parsed).Runs;
            string to = Path.GetFullPath(parsed.GetRequiredValue(directory));
            string? only = parsed.GetValue(suite), tagged = parsed.GetValue(tag);
            ImmutableArray<RunEntry> runs =
            [
                .. reader.List().Where(r => r.Info is { } info && (only is null || info.Suite == only)
                    && (tagged is null || (!info.Tags.IsDefault && info.Tags.Contains(tagged)))),
            ];
            if (runs.IsEmpty)
                throw new RequestException("there is no run to publish.", "Measure something first: quantbench run quick");
            var site = new SiteWriter(to, Installation.Version);
            int left = 0;
            Parallel.ForEach(runs, new ParallelOptions { CancellationToken = stop }, run =>
            {
                try
                {
                    site.Add(reader.ReadWhole(run));
                }
                catch (StoreException)
                {
                    Interlocked.Increment(ref left); // one broken run doesn't keep the others back
                }
            });
            site.Finish();
            TextWriter output = parsed.InvocationConfiguration.Output;
            output.WriteLine($"{runs.Length - left} runs in {Path.Combine(to, "index.html")}");
            if (left > 0) output.WriteLine($"{left} left out: they can't be read; 'quantbench results list' says why");
            return Task.FromResult(left == runs.Length ? ExitCode.InputOutput : ExitCode.Ok);
        });
        help.Add(publish, """
            Examples:
              quantbench results publish public
              quantbench results publish /var/www/quants --suite nightly

            The site asks for nothing else: copy it to any web server. Host names, paths, suites' texts and reasons of failures stay here.
            """);
        return publish;
    }
}
