using System.CommandLine;
using System.Text.RegularExpressions;
using QuantBench.Cli.Commands;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.Commands;

/// <summary>The commands that the README shows are commands that exist, with options that exist.</summary>
public sealed class ReadmeTests
{
    private static readonly string[] s_scriptsOwn = ["setup", "test", "help"];

    public static TheoryData<string> Commands()
    {
        var commands = new TheoryData<string>();
        foreach (string line in Lines()) commands.Add(line);
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
        HashSet<string> shown = [.. Lines().Select(l => l.Split(' ')[0])];

        Assert.Superset(new HashSet<string> { "run", "doctor", "results", "compare", "models", "resume", "test" }, shown);
    }

    [Fact]
    public void Readme_LinksOnlyToFilesThatExist()
    {
        string text = File.ReadAllText(RepositoryRoot.Combine("README.md"));

        IEnumerable<string> missing = Regex.Matches(text, @"\]\((?!https?:|#)([^)#]+)").Select(m => m.Groups[1].Value)
            .Where(p => !Path.Exists(RepositoryRoot.Combine(p)));

        Assert.Empty(missing);
    }

    private static IEnumerable<string> Lines() =>
        Regex.Matches(File.ReadAllText(RepositoryRoot.Combine("README.md")), @"^\s*\./run-bench\.sh +([^#`\n]+)", RegexOptions.Multiline)
            .Select(m => m.Groups[1].Value.Trim());
}
