using System.Text.RegularExpressions;
using QuantBench.Cli.Composition;

namespace QuantBench.Cli.Views;

/// <summary>The command as the user called it: what helps and hints print can be pasted.</summary>
internal static partial class CalledAs
{
    /// <summary>Environment variable by which a script in front of the program says how it was called.</summary>
    public const string Variable = "QUANTBENCH_COMMAND";

    /// <summary>The command's own name.</summary>
    public const string Plain = "quantbench";

    /// <summary>How it was called.</summary>
    public static string Name => Installation.NonEmpty(Variable) ?? Plain;

    /// <summary>A text with the command's name as it was called.</summary>
    /// <param name="text">Text that names it as <c>quantbench</c> or <c>./run-bench.sh</c>.</param>
    public static string In(string text) => In(text, Name);

    /// <summary>A text with the command under a name.</summary>
    /// <param name="text">Text that names it as <c>quantbench</c> or <c>./run-bench.sh</c>.</param>
    /// <param name="name">How it was called.</param>
    internal static string In(string text, string name) => Called().Replace(text, _ => name);

    /// <summary>An argument as a shell takes it.</summary>
    /// <param name="argument">The argument.</param>
    public static string Quoted(string argument) => Simple().IsMatch(argument) ? argument
        : OperatingSystem.IsWindows() ? $"\"{argument}\"" : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    // 'setup', 'test' and 'audit' are the script's own, whoever reads the hint.
    [GeneratedRegex(@"(?<![\w./-])(?:quantbench|\./run-bench\.sh)"
        + @"(?= (?!setup\b|test\b|audit\b)(?:[a-z]{2,}|--help|COMMAND|\[command\]|\[options\])|')")]
    private static partial Regex Called();

    [GeneratedRegex(@"^[\w./:@%+=,-]+$")]
    private static partial Regex Simple();
}
