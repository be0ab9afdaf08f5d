using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Lab.Runs;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench results</c>.</summary>
internal static class ResultsCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("results", "List, show, export and import runs.");
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(Show(global));
        command.Subcommands.Add(Export(global, help));
        command.Subcommands.Add(Import(global, help));
        command.Subcommands.Add(ResultsPublish.Build(global, help));
        command.Subcommands.Add(Reindex(global));
        command.Subcommands.Add(Forget(global, help));
        command.Subcommands.Add(Delete(global, help));
        help.Add(command, """
            Examples:
              quantbench results list
              quantbench results show latest
              quantbench results export latest --format csv --out run.csv
              quantbench results import /media/usb/20261123-041500-reference-9f3a

            A run is 'latest', its id, the beginning of its id, or the path of its folder. With --store postgres://... a run of another
            machine is taken from the database by its id.
            """);
        return command;
    }

    internal static Argument<string> RunArgument(string name = "run") =>
        new(name) { Description = "'latest', a run's id or the beginning of one, or its folder" };

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List runs, newest first.");
        list.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            RunReader reader = global.Environment(parsed).Runs;
            ImmutableArray<RunEntry> runs = reader.List();
            if (runs.IsEmpty) output.WriteLine($"no runs in {reader.Catalog.Root} yet");
            foreach (RunEntry run in runs)
            {
                output.WriteLine(run.Info is { } info
                    ? $"{run.Id,-40} {Format.Time(info.Started)}  {info.CellCount,4} cells  "
                        + $"{info.Status.ToString().ToLowerInvariant(),-11} "
                        + $"{info.Fingerprint.Cpu}{(run.Path.Length == 0 ? $"  (on {info.Fingerprint.Host})" : "")}"
                    + (info.Tags.IsDefaultOrEmpty ? "" : $"  [{string.Join(", ", info.Tags)}]")
                    : $"{run.Id,-40} broken: {run.Problem}");
            }
        });
        return list;
    }

    private static Command Show(GlobalOptions global)
    {
        Argument<string> run = RunArgument();
        run.DefaultValueFactory = _ => "latest";
        var show = new Command("show", "Print a run's table and what didn't end well.") { run };
        show.SetAction(parsed =>
        {
            RunRecord record = global.Environment(parsed).Runs.LoadWhole(parsed.GetRequiredValue(run));
            TextWriter output = parsed.InvocationConfiguration.Output;
            RunInfo info = record.Info;
            output.WriteLine(
                $"run {info.Id}: suite '{info.Suite}', {info.Status.ToString().ToLowerInvariant()}, {record.Cells.Length} of "
                    + $"{info.CellCount} cells finished");
            output.WriteLine(
                $"{info.Fingerprint.Cpu}, {info.Fingerprint.LogicalCores} cores, {Format.Bytes(info.Fingerprint.MemoryBytes)}, "
                    + $"{info.Fingerprint.Os}; {string.Join("; ", info.Fingerprint.Engines.Select(e => $"{e.Key} {e.Value}"))}");
            output.WriteLine();
            TerminalText.Write(output, MarkdownTable.Write(RunTableBuilder.Build(record)));
            foreach (CellResult cell in record.Cells.Where(c => c.Status != CellStatus.Ok))
                output.WriteLine($"{cell.Status.ToString().ToLowerInvariant()}: {cell.Cell.Title}: {cell.Reason}");
        });
        return show;
    }

    private static Command Export(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = RunArgument();
        run.DefaultValueFactory = _ => "latest";
        string[] formats = [.. RunExporters.All.Select(e => e.Name), "md", "bundle"];
        var format = new Option<string>("--format")
        {
            Description = $"{string.Join(", ", formats)}",
            HelpName = "FORMAT",
            DefaultValueFactory = _ => "json"
        };
        format.AcceptOnlyFromAmong(formats);
        var file = new Option<string?>("--out") { Description = "file to write (default: standard output)", HelpName = "FILE" };
        var export = new Command("export", "Write a run with all its figures and samples.") { run, format, file };
        export.SetAction(async (parsed, stop) =>
        {
            string name = parsed.GetRequiredValue(run);
            string kind = parsed.GetRequiredValue(format);
            // What can't be had is said before a file is made.
            RunReader reader = global.Environment(parsed).Runs;
            RunEntry? entry = kind == "bundle" ? reader.Catalog.Find(name) : null;
            RunRecord? record = entry is null ? reader.LoadWhole(name) : null;
            string? path = parsed.GetValue(file);
            await using Stream output = path is null ? Console.OpenStandardOutput() : File.Create(path);
            switch (kind)
            {
                case "bundle":
                    RunBundle.Write(entry!.Path, output); // found above;
                    break;
                case "md":
                    await using (var text = new StreamWriter(output, leaveOpen: true)) await text.WriteAsync(Reporting.Markdown(record!));
                    break;
                default:
                    IRunExporter exporter = RunExporters.Find(kind) ?? throw new RequestException($"there is no export format '{kind}'.");
                    await exporter.WriteAsync(record!, output, stop); // read for all but bundles
                    break;
            }

            await output.FlushAsync(stop);
        });
        help.Add(export, """
            Examples:
              quantbench results export latest --format json | jq '.cells[].status'
              quantbench results export latest --format parquet --out run.parquet
              quantbench results export latest --format bundle --out run.zip     everything, for 'results import' elsewhere
            """);
        return export;
    }

    private static Command Import(GlobalOptions global, HelpTexts help)
    {
        var path = new Argument<string>("path") { Description = "a run's folder, or a bundle that 'results export --format bundle' wrote" };
        var import = new Command("import", "Take a run from elsewhere into the results directory.") { path };
        import.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            // a store that can't be opened is said before anything is taken in
            using ResultStore store = ResultStore.Open(environment.ResultsRoot, environment.Store);
            ImportResult result = RunImport.Into(parsed.GetRequiredValue(path), store);
            parsed.InvocationConfiguration.Output.WriteLine(
                result.AlreadyThere ? $"run {result.RunId} is here already: {result.Path}"
                    : $"imported run {result.RunId} to {result.Path}");
        });
        help.Add(import, """
            Examples:
              quantbench results import run.zip
            """);
        return import;
    }

    private static Command Reindex(GlobalOptions global)
    {
        var reindex = new Command("reindex",
            "Bring the results database up to date with the run folders here; in PostgreSQL other machines' runs are left alone.");
        reindex.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            RunnerEnvironment environment = global.Environment(parsed);
            using ResultStore store = ResultStore.Open(environment.ResultsRoot, environment.Store);
            ReindexReport report = store.Reindex();
            output.WriteLine($"{report.Runs} runs with {report.Cells} cells are indexed in {store.Location}");
            foreach (RunEntry skipped in report.Skipped) output.WriteLine($"skipped {skipped.Id}: {skipped.Problem}");
            return report.Skipped.IsEmpty ? ExitCode.Ok : ExitCode.CellsFailed;
        });
        return reindex;
    }

    private static Command Forget(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = new("run") { Description = "the run's whole id" };
        var forget = new Command("forget", "Take a run out of the results database; its folder stays where it is.") { run };
        forget.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string id = parsed.GetRequiredValue(run);
            using ResultStore store = ResultStore.Open(environment.ResultsRoot, environment.Store);
            if (!store.RemoveRun(id))
                throw new RequestException($"there is no run '{id}' in {store.Location}.",
                    "See 'quantbench results list' for the runs that are there; the whole id is needed.");
            parsed.InvocationConfiguration.Output.WriteLine($"run {id} is no longer in {store.Location}");
        });
        help.Add(forget, """
            Examples:
              quantbench results forget 20261122-221000-reference-9f3a --store postgres

            For a run whose folder was deleted, or that a machine of the lab left behind. While its folder is in the results directory here,
            'results reindex' and the dashboard's start take it in again.
            """);
        return forget;
    }

    private static Command Delete(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = RunArgument();
        var delete = new Command("delete", "Move a run to the trash and take it out of the results database.") { run };
        delete.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            RunEntry entry = new RunCatalog(environment.ResultsRoot).Find(parsed.GetRequiredValue(run));
            RunInfo info = entry.Info ?? throw new RequestException($"{entry.Path}: its run.json can't be read: {entry.Problem}",
                "Remove the folder by hand.");
            using ResultStore store = ResultStore.Open(environment.ResultsRoot, environment.Store);
            new RunRemover(store, new LabAccess(environment).Audit, environment.Clock).Remove(info, entry.Path, LabAccess.Actor);
            TextWriter output = parsed.InvocationConfiguration.Output;
            string trash = new RunTrash(environment.ResultsRoot).Path;
            output.WriteLine($"run {info.Id} is in {trash}; a server deletes it after {RunTrash.KeptDays} days");
            output.WriteLine(CalledAs.In($"to take it back: mv {CalledAs.Quoted(Path.Combine(trash, info.Id))} "
                + $"{CalledAs.Quoted(environment.ResultsRoot)} && quantbench results reindex"));
        });
        help.Add(delete, """
            Examples:
              quantbench results delete 20261122-221000-reference-9f3a

            The audit log keeps who deleted it and when. A run that is being measured isn't deleted.
            """);
        return delete;
    }
}
