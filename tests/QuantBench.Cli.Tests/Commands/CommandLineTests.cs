using System.CommandLine;
using QuantBench.Cli.Commands;
using QuantBench.Cli.Composition;
using QuantBench.Cli.Views;

namespace QuantBench.Cli.Tests.Commands;

public sealed class CommandLineTests
{
    public static TheoryData<string> Paths()
    {
        var paths = new TheoryData<string>();
        foreach (string path in Walk(QuantBenchCommand.Build(), "")) paths.Add(path);
        return paths;
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Help_DescribesEveryCommandAndOption(string path)
    {
        (int code, string output, _) = await RunAsync([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Equal(0, code);
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("run")]
    [InlineData("resume")]
    [InlineData("doctor")]
    [InlineData("models")]
    [InlineData("results export")]
    [InlineData("kernels")]
    [InlineData("kernels run")]
    [InlineData("compare")]
    [InlineData("pareto")]
    [InlineData("recommend")]
    [InlineData("gate")]
    [InlineData("trend")]
    [InlineData("claims")]
    [InlineData("frame")]
    public async Task Help_TeachesWithExamples(string path)
    {
        (_, string output, _) = await RunAsync([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Contains("Examples:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_NamesTheExitCodes_AndHidesTheWorker()
    {
        (_, string output, _) = await RunAsync(["--help"]);

        Assert.Contains("130  stopped by Ctrl-C", output, StringComparison.Ordinal);
        Assert.DoesNotContain("one job in a process", output, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Numbers()
    {
        var numbers = new TheoryData<string, string>();
        Collect(QuantBenchCommand.Build(), "");
        return numbers;

        void Collect(Command command, string path)
        {
            Type[] kinds = [typeof(int), typeof(int?), typeof(long), typeof(double), typeof(double?), typeof(decimal)];
            foreach (Option option in command.Options.Where(o => kinds.Contains(o.ValueType))) numbers.Add(path, option.Name);
            foreach (Command child in command.Subcommands) Collect(child, $"{path} {child.Name}".Trim());
        }
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Number_IsReadStrictly_WhateverOptionItBelongsTo(string path, string option)
    {
        string[] wrongs = ["1,5", "1,500", "1_5", " 1", "1 ", "0x1", "1e3", "NaN", "Infinity", "\u0661", "1.5.5", "(1)", "$1", ""];
        foreach (string wrong in wrongs)
        {
            string[] errors = [.. QuantBenchCommand.Build().Parse([.. path.Split(' '), option, wrong]).Errors.Select(e => e.Message)];

            Assert.Contains(errors, e => e.Contains($"{option} must be a", StringComparison.Ordinal) && e.Contains($"not '{wrong}'",
                StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("1.5", 1.5)]
    [InlineData("30", 30)]
    [InlineData("0", 0)]
    public void Decimal_HasAPoint(string text, double value)
    {
        ParseResult parsed = QuantBenchCommand.Build().Parse(["models", "gc", "--older-than", text]);

        Assert.Empty(parsed.Errors);
        Assert.Equal(value, parsed.GetValue<double>("--older-than"));
        Assert.Equal(30, QuantBenchCommand.Build().Parse(["models", "gc"]).GetValue<double>("--older-than"));
    }

    [Theory]
    [InlineData(64, "run")] // no suite
    [InlineData(64, "run", "x.yaml", "--threads", "0")]
    [InlineData(64, "nonsense")]
    [InlineData(65, "run", "no-such-suite")]
    [InlineData(65, "results", "show", "no-such-run")]
    [InlineData(64, "recommend")] // no profile
    [InlineData(65, "recommend", "latest", "--profile", "phnoe")]
    [InlineData(65, "gate", "latest", "--rules", "no-such-file.yaml")]
    [InlineData(65, "claims", "latest", "--file", "no-such-file.yaml")]
    [InlineData(65, "trend", "tg_tsp", "--webhook", "not an address")]
    [InlineData(64, "trend", "tg_tps", "--days", "0")]
    [InlineData(64, "keys", "add", "x", "--role", "2")] // a number is no role, not even one there is
    [InlineData(64, "accounts", "add", "x", "--role", "viewer,admin", "--password-stdin")]
    [InlineData(64, "schedule", "add", "x", "--cron", "0 0 * * *", "--catch-up", "77")]
    public async Task Errors_AreOneLineWithAHint_AndTheirOwnExitCode(int code, params string[] arguments)
    {
        (int found, _, string error) = await RunAsync(arguments);

        Assert.Equal(code, found);
        string[] lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("error: ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("hint: ", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resutls list", "'quantbench' doesn't know 'resutls'", "did you mean 'results'?")]
    [InlineData("run suites/quick.yaml --thread 2", "'quantbench run' doesn't know '--thread'", "did you mean '--threads'?")]
    public async Task Run_NamesTheUnknownWord_AndTheNearestKnownOne(string line, string problem, string hint)
    {
        (int code, _, string error) = await RunAsync(line.Split(' '));

        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(problem, error, StringComparison.Ordinal);
        Assert.Contains(hint, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_ExplainsGlobalOptionsOnce()
    {
        (_, string root, _) = await RunAsync(["--help"]);
        (_, string run, _) = await RunAsync(["run", "--help"]);

        Assert.Contains("directory of run folders", root, StringComparison.Ordinal);
        Assert.DoesNotContain("directory of run folders", run, StringComparison.Ordinal);
        Assert.Contains("Every command also takes: --results, --store, --cache", run, StringComparison.Ordinal);
        Assert.Contains("--threads", run, StringComparison.Ordinal);
        Assert.Empty(QuantBenchCommand.Build().Parse(["run", "quick", "--results", "x"]).Errors); // taken all the same
    }

    [Theory]
    [InlineData("run 'quantbench results list' or ./run-bench.sh doctor", "run './door results list' or ./door doctor")]
    [InlineData("./run-bench.sh setup, quantbench 0.1, /opt/quantbench run", "./run-bench.sh setup, quantbench 0.1, /opt/quantbench run")]
    [InlineData("  quantbench [command] [options]", "  ./door [command] [options]")]
    public void Texts_NameTheCommandAsItWasCalled(string text, string expected) => Assert.Equal(expected, CalledAs.In(text, "./door"));

    [Fact]
    public async Task HelpAndErrors_NameTheCommandAsItWasCalled()
    {
        (string, string?)[] called = [(CalledAs.Variable, "./door")];

        (_, string help, _) = await QuantBenchProcess.RunAsync(called, ["run", "--help"]);
        (_, string root, _) = await QuantBenchProcess.RunAsync(called, ["--help"]);
        (_, _, string error) = await QuantBenchProcess.RunAsync(called, ["results", "show", "no-such-run"]);
        (_, _, string usage) = await QuantBenchProcess.RunAsync(called, ["resmue"]);

        Assert.Contains("  ./door run <suite>", help, StringComparison.Ordinal);
        Assert.Contains("  ./door run quick ", help, StringComparison.Ordinal);
        Assert.DoesNotContain("quantbench run", help, StringComparison.Ordinal);
        Assert.Contains("  ./door [command]", root, StringComparison.Ordinal);
        Assert.Contains("'./door results list'", error, StringComparison.Ordinal);
        Assert.Contains("'./door' doesn't know 'resmue'", usage, StringComparison.Ordinal);
        Assert.Contains("did you mean 'resume'? see './door --help'", usage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain-1.2_x/y", "plain-1.2_x/y")]
    [InlineData("two words", "'two words'")]
    [InlineData("it's", "'it'\\''s'")]
    public void Hints_AreQuotedForTheShell(string argument, string expected) => Assert.Equal(expected, CalledAs.Quoted(argument));

    private static IEnumerable<string> Walk(Command command, string path)
    {
        yield return path;
        foreach (Command sub in command.Subcommands.Where(c => !c.Hidden))
        {
            foreach (string below in Walk(sub, $"{path} {sub.Name}".Trim())) yield return below;
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await QuantBenchCommand.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
