using System.CommandLine;
using QuantBench.Analysis.Formatting;
using QuantBench.Analysis.Tables;
using QuantBench.Cli.Composition;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.Results.Store;

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
        command.Subcommands.Add(Reindex(global));
        help.Add(command, """
            Examples:
              quantbench results list
              quantbench results show latest
              quantbench results export latest --format csv --out run.csv
              quantbench results import /media/usb/20261123-041500-reference-9f3a

            A run is 'latest', its id, the beginning of its id, or the path of its folder.
            """);
        return command;
    }

    internal static Argument<string> RunArgument(string name = "run") => new(name) { Description = "'latest', a run's id or the beginning of one, or its folder" };

    private static RunCatalog Catalog(GlobalOptions global, ParseResult parsed) => new(global.Environment(parsed).ResultsRoot);

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List runs, newest first.");
        list.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            RunCatalog catalog = Catalog(global, parsed);
            var runs = catalog.List();
            if (runs.IsEmpty) output.WriteLine($"no runs in {catalog.Root} yet");
            foreach (RunEntry run in runs)
            {
                output.WriteLine(run.Info is { } info
                    ? $"{run.Id,-40} {Format.Time(info.Started)}  {info.CellCount,4} cells  {info.Status.ToString().ToLowerInvariant(),-11} {info.Fingerprint.Cpu}{(info.Tags.IsDefaultOrEmpty ? "" : $"  [{string.Join(", ", info.Tags)}]")}"
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
            RunRecord record = Catalog(global, parsed).Load(parsed.GetRequiredValue(run));
            TextWriter output = parsed.InvocationConfiguration.Output;
            RunInfo info = record.Info;
            output.WriteLine($"run {info.Id}: suite '{info.Suite}', {info.Status.ToString().ToLowerInvariant()}, {record.Cells.Length} of {info.CellCount} cells finished");
            output.WriteLine($"{info.Fingerprint.Cpu}, {info.Fingerprint.LogicalCores} cores, {Format.Bytes(info.Fingerprint.MemoryBytes)}, {info.Fingerprint.Os}; {string.Join("; ", info.Fingerprint.Engines.Select(e => $"{e.Key} {e.Value}"))}");
            output.WriteLine();
            output.Write(MarkdownTable.Write(RunTableBuilder.Build(record)));
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
        var format = new Option<string>("--format") { Description = $"{string.Join(", ", formats)}", HelpName = "FORMAT", DefaultValueFactory = _ => "json" };
        format.AcceptOnlyFromAmong(formats);
        var file = new Option<string?>("--out") { Description = "file to write (default: standard output)", HelpName = "FILE" };
        var export = new Command("export", "Write a run with all its figures and samples.") { run, format, file };
        export.SetAction(async (parsed, stop) =>
        {
            RunEntry entry = Catalog(global, parsed).Find(parsed.GetRequiredValue(run));
            string? path = parsed.GetValue(file);
            await using Stream output = path is null ? Console.OpenStandardOutput() : File.Create(path);
            switch (parsed.GetRequiredValue(format))
            {
                case "bundle":
                    RunBundle.Write(entry.Path, output);
                    break;
                case "md":
                    await using (var text = new StreamWriter(output, leaveOpen: true)) await text.WriteAsync(Reporting.Markdown(Read(entry)));
                    break;
                case { } name:
                    IRunExporter exporter = RunExporters.Find(name) ?? throw new RequestException($"there is no export format '{name}'.");
                    await exporter.WriteAsync(Read(entry), output, stop);
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

    private static RunRecord Read(RunEntry entry)
    {
        using RunFolder folder = RunFolder.OpenReadOnly(entry.Path);
        return folder.ReadRecord();
    }

    private static Command Import(GlobalOptions global, HelpTexts help)
    {
        var path = new Argument<string>("path") { Description = "a run's folder, or a bundle that 'results export --format bundle' wrote" };
        var import = new Command("import", "Take a run from elsewhere into the results directory.") { path };
        import.SetAction(parsed =>
        {
            string root = global.Environment(parsed).ResultsRoot;
            ImportResult result = RunImport.From(parsed.GetRequiredValue(path), root);
            using (ResultStore store = ResultStore.Open(root)) store.Reindex();
            parsed.InvocationConfiguration.Output.WriteLine(result.AlreadyThere ? $"run {result.RunId} is here already: {result.Path}" : $"imported run {result.RunId} to {result.Path}");
        });
        help.Add(import, """
            Examples:
              quantbench results import run.zip
            """);
        return import;
    }

    private static Command Reindex(GlobalOptions global)
    {
        var reindex = new Command("reindex", "Build the results database again from the run folders; the folders are the truth.");
        reindex.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            using ResultStore store = ResultStore.Open(global.Environment(parsed).ResultsRoot);
            ReindexReport report = store.Reindex();
            output.WriteLine($"{report.Runs} runs with {report.Cells} cells are indexed in {store.DatabasePath}");
            foreach (RunEntry skipped in report.Skipped) output.WriteLine($"skipped {skipped.Id}: {skipped.Problem}");
            return report.Skipped.IsEmpty ? ExitCode.Ok : ExitCode.CellsFailed;
        });
        return reindex;
    }
}
