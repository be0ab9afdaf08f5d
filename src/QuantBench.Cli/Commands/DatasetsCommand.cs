using System.CommandLine;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Runner.Datasets;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench datasets</c>.</summary>
internal static class DatasetsCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var json = new Option<bool>("--json") { Description = "print JSON" };
        var list = new Command("list", "List evaluation texts, and what is missing.") { json };
        list.SetAction(parsed =>
        {
            RunnerEnvironment environment = global.Environment(parsed);
            TextWriter output = parsed.InvocationConfiguration.Output;
            IReadOnlyList<DatasetStatus> all = new DatasetCatalog(environment.DatasetsDirectory, environment.CacheRoot).List();
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonSerializer.Serialize(all, Json.Line));
                return;
            }

            foreach (DatasetStatus dataset in all)
            {
                if (dataset.Fault is { } fault)
                {
                    output.WriteLine($"{dataset.Name,-14} broken: {fault}");
                    continue;
                }

                output.WriteLine($"{dataset.Name,-14} {dataset.Title} ({dataset.License}); splits: {string.Join(", ", dataset.Splits)}");
                output.WriteLine($"{"",-14} {(dataset.Missing is null ? "here" : $"missing: {dataset.Missing}")}");
            }
        });
        var command = new Command("datasets", "Evaluation texts.") { list };
        help.Add(command, """
            Examples:
              quantbench datasets list

            In a suite: dataset: sotu (its default split), sotu:train (a named split), or a path to a .txt or .jsonl file
            (JSONL: the texts of field 'text', two newlines between them). Paths start from the suite's directory.
            """);
        return command;
    }
}
