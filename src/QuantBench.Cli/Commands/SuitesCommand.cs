using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Runner.Runs;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench suites</c>.</summary>
internal static class SuitesCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var command = new Command("suites", "List, check and describe suite files.");
        command.Subcommands.Add(List(global));
        command.Subcommands.Add(Validate(global, help));
        command.Subcommands.Add(Schema(help));
        command.Subcommands.Add(Approve(global, help));
        help.Add(command, """
            Examples:
              quantbench suites list
              quantbench suites validate my.yaml       every fault with file:line:column, or the cells in order
            """);
        return command;
    }

    private static Command List(GlobalOptions global)
    {
        var list = new Command("list", "List the suites of this installation.");
        list.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            foreach (string file in SuiteFiles.List(global.Environment(parsed).Root))
            {
                string name = Path.GetFileNameWithoutExtension(file);
                try
                {
                    Suite suite = SuiteLoader.Load(file, Composition.Engines.All.Catalog);
                    output.WriteLine(
                        $"{name,-16} {Matrix.Expand(suite).Length,5} cells  {suite.Description.ReplaceLineEndings(" ").Trim()}");
                }
                catch (QuantBenchException e)
                {
                    output.WriteLine($"{name,-16}     – broken: {e.Message}");
                }
            }
        });
        return list;
    }

    private static Command Validate(GlobalOptions global, HelpTexts help)
    {
        var suite = new Argument<string>("suite") { Description = "suite file, or the name of one in suites/" };
        var only = new Option<string[]>("--only") { Description = "show cells that match", HelpName = "PATTERN" };
        var validate = new Command("validate",
            "Check a suite, its models and its texts, and print its cells in the order they are measured.") { suite, only };
        validate.SetAction(async (parsed, stop) =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            string path = SuiteFiles.Find(environment.Root, parsed.GetRequiredValue(suite));
            Suite loaded = SuiteLoader.Load(path, Composition.Engines.All.Catalog);
            var cells = SuiteRunner.CellsOf(loaded, parsed.GetValue(only) ?? [], null);
            TextWriter output = parsed.InvocationConfiguration.Output;
            ImmutableArray<QuantBenchException> faults = await InputCheck.FaultsAsync(environment, loaded, cells, stop);
            foreach (var cell in cells) output.WriteLine($"{cell.Id}  {CellText.Name(cell)}");
            foreach (QuantBenchException fault in faults) QuantBenchCommand.Explain(fault, parsed.InvocationConfiguration.Error);
            if (!faults.IsEmpty) return ExitCode.BadInput;
            output.WriteLine($"suite '{loaded.Name}' is valid: {cells.Length} cells");
            return ExitCode.Ok;
        });
        help.Add(validate, """
            Examples:
              quantbench suites validate suites/quick.yaml
              quantbench suites validate reference --only workload=latency
            """);
        return validate;
    }

    private static Command Approve(GlobalOptions global, HelpTexts help)
    {
        var suite = new Argument<string>("suite") { Description = "suite file, or the name of one in suites/" };
        var approve = new Command("approve", "Let 'quantbench serve' run a suite that starts commands or reads files elsewhere.") { suite };
        approve.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            Suite loaded = SuiteLoader.Load(SuiteFiles.Find(environment.Root, parsed.GetRequiredValue(suite)), environment.Engines.Catalog);
            ImmutableArray<string> approved = new LabAccess(environment).Approvals.Approve(loaded, LabAccess.Actor);
            TextWriter output = parsed.InvocationConfiguration.Output;
            output.WriteLine(approved.IsEmpty ? $"suite '{loaded.Name}' needs no approval, or has it."
                : $"suite '{loaded.Name}' may run from the queue as it is now:");
            foreach (string need in approved) output.WriteLine($"  {need}");
        });
        help.Add(approve, """
            Examples:
              quantbench suites approve nightly        holds for the file as it is now; changed, it needs a new approval

            Runs on the command line need no approval: whoever types there may do all of it anyway.
            """);
        return approve;
    }

    private static Command Schema(HelpTexts help)
    {
        var schema = new Command("schema", "Print the JSON Schema of suite files, for editors.");
        schema.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(SuiteSchema.Generate(Composition.Engines.All.Catalog)));
        help.Add(schema, """
            Examples:
              quantbench suites schema > suite.schema.json
              # and in a suite's first line:  # yaml-language-server: $schema=suite.schema.json
            """);
        return schema;
    }
}
