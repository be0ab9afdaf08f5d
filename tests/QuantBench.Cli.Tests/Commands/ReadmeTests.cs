using System.CommandLine;
using System.Text.RegularExpressions;
using QuantBench.Cli.Commands;
using QuantBench.Core.Metrics;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Commands;

/// <summary>The commands that the README and the pages of docs/ show are commands that exist, with options that exist.</summary>
public sealed class ReadmeTests
{
    private static readonly string[] s_scriptsOwn = ["setup", "test", "help"];

    public static TheoryData<string> Commands()
    {
        var commands = new TheoryData<string>();
        foreach (string line in Pages().SelectMany(Lines).Distinct()) commands.Add(line);
        return commands;
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Command_IsOne(string command)
    {
        string[] words = [.. System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(command)];
        if (s_scriptsOwn.Contains(words[0])) return;

        ParseResult parsed = QuantBenchCommand.Build().Parse(words);

        Assert.Empty(parsed.Errors);
    }

    [Fact]
    public void Readme_ShowsTheMainOnes()
    {
        HashSet<string> shown = [.. Lines("README.md").Select(l => l.Split(' ')[0])];

        Assert.Superset(new HashSet<string> { "run", "doctor", "results", "compare", "models", "recommend", "dashboard", "test" }, shown);
    }

    [Fact]
    public void Docs_ShowEveryCommand()
    {
        HashSet<string> shown = [.. Pages().SelectMany(Lines).Select(l => l.Split(' ')[0])];

        Assert.Superset(new HashSet<string>(QuantBenchCommand.Build().Subcommands.Where(c => !c.Hidden).Select(c => c.Name)), shown);
    }

    [Fact]
    public void Docs_ListEveryMetric()
    {
        string[] rows = File.ReadAllLines(RepositoryRoot.Combine("docs/results.md"));

        string[] missing =
        [
            .. MetricTable.All.Select(m => $"| `{m.Name}` | {m.Unit} |")
                .Where(m => !rows.Any(r => r.StartsWith(m, StringComparison.Ordinal))),
        ];
        Assert.True(missing.Length == 0, string.Join('\n', missing));
    }

    private static IEnumerable<string> Pages() =>
        [
            "README.md", "CONTRIBUTING.md",
            .. Directory.GetFiles(RepositoryRoot.Combine("docs"), "*.md", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(RepositoryRoot.Directory, f)),
        ];

    private static IEnumerable<string> Lines(string page) =>
        Regex.Matches(File.ReadAllText(RepositoryRoot.Combine(page)), @"^\s*\./run-bench\.sh +([^#`\n]+)", RegexOptions.Multiline)
            .Select(m => m.Groups[1].Value.Trim())
            .Where(c => c.Length > 0); // alone it runs the main job
}
