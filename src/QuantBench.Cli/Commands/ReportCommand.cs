using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench report</c>.</summary>
internal static class ReportCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Argument<string> run = ResultsCommand.RunArgument();
        run.DefaultValueFactory = _ => "latest";
        var folder = new Option<string?>("--out") { Description = "directory to write to (default: the run's folder)", HelpName = "DIR" };
        var command = new Command("report", "Write a run's report.html (self-contained, with plots) and report.md again.") { run, folder };
        command.SetAction(parsed =>
        {
            RunEntry entry = new RunCatalog(global.Environment(parsed).ResultsRoot).Find(parsed.GetRequiredValue(run));
            using RunFolder opened = RunFolder.OpenReadOnly(entry.Path);
            (string? html, string? problem) = Reporting.Write(opened.ReadRecord(), Path.GetFullPath(parsed.GetValue(folder) ?? entry.Path));
            if (problem is not null) throw new StoreException($"the report couldn't be written: {problem}", "Name another directory with --out DIR.");
            parsed.InvocationConfiguration.Output.WriteLine(html);
        });
        help.Add(command, """
            Examples:
              quantbench report latest
              quantbench report 20261123-0415 --out /tmp/report
            """);
        return command;
    }
}
