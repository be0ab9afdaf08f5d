using System.CommandLine;
using QuantBench.Cli.Views;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;
using QuantBench.Runner.Runs;

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
        help.Add(command, """
            Examples:
              quantbench suites list
              quantbench suites validate my.yaml       the first fault with file:line:column, or the cells in order
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
        var validate = new Command("validate", "Check a suite and print its cells in the order they are measured.") { suite, only };
        validate.SetAction(parsed =>
        {
            string path = SuiteFiles.Find(global.Environment(parsed).Root, parsed.GetRequiredValue(suite));
            Suite loaded = SuiteLoader.Load(path, Composition.Engines.All.Catalog);
            var cells = SuiteRunner.CellsOf(loaded, parsed.GetValue(only) ?? [], null);
            TextWriter output = parsed.InvocationConfiguration.Output;
            foreach (var cell in cells) output.WriteLine($"{cell.Id}  {CellText.Name(cell)}");
            output.WriteLine($"suite '{loaded.Name}' is valid: {cells.Length} cells");
        });
        help.Add(validate, """
            Examples:
              quantbench suites validate suites/quick.yaml
              quantbench suites validate reference --only workload=latency
            """);
        return validate;
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
