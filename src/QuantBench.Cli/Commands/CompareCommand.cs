using System.CommandLine;
using QuantBench.Analysis.Compare;
using QuantBench.Results.Folders;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench compare</c>.</summary>
internal static class CompareCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        Argument<string> a = ResultsCommand.RunArgument("a");
        Argument<string> b = ResultsCommand.RunArgument("b");
        var command = new Command("compare", "Say what differs between two runs, or parts of them: run[:variant[@backend]].") { a, b };
        command.SetAction(parsed =>
        {
            var catalog = new RunCatalog(global.Environment(parsed).ResultsRoot);
            RunComparison comparison = RunComparer.Compare(
                ComparisonSide.Parse(parsed.GetRequiredValue(a), catalog), ComparisonSide.Parse(parsed.GetRequiredValue(b), catalog));
            parsed.InvocationConfiguration.Output.Write(ComparisonText.Markdown(comparison));
        });
        help.Add(command, """
            Examples:
              quantbench compare 20261122-0400 latest
              quantbench compare latest:Q4_0 latest:Q4_K_M      two variants of one run
            """);
        return command;
    }
}
