using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using QuantBench.Cli.Views;

namespace QuantBench.Cli.Commands;

/// <summary>Prints what System.CommandLine knows of a command, then its examples and notes.</summary>
/// <param name="inner">System.CommandLine's own help.</param>
/// <param name="root">The root command.</param>
internal sealed class HelpTexts(HelpAction inner, RootCommand root) : SynchronousCommandLineAction
{
    private const int LargestWidth = 120;

    private readonly Dictionary<Command, string> _texts = [];

    /// <summary>Gives every help of a root command its examples.</summary>
    /// <param name="root">The root command, its own help option included.</param>
    public static HelpTexts Install(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        var texts = new HelpTexts((HelpAction)option.Action!, root); // HelpOption makes its action itself
        option.Action = texts;
        return texts;
    }

    /// <summary>Sets a command's examples and notes.</summary>
    /// <param name="command">The command.</param>
    /// <param name="text">What follows the options.</param>
    public void Add(Command command, string text) => _texts[command] = text;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true; // `compare --help` lacks its arguments and means no harm

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        inner.MaxWidth = Math.Min(Console.IsOutputRedirected ? LargestWidth : TerminalText.Width() ?? LargestWidth, LargestWidth);
        Command command = parseResult.CommandResult.Command;
        // What every command takes is explained once, with the root command.
        Option[] folded = [.. root.Options.Where(o => o.Recursive && !o.Hidden && command != root)];
        TextWriter output = parseResult.InvocationConfiguration.Output;
        var text = new StringWriter { NewLine = "\n" };
        int code;
        try
        {
            foreach (Option option in folded) option.Hidden = true;
            parseResult.InvocationConfiguration.Output = text;
            code = inner.Invoke(parseResult);
        }
        finally
        {
            foreach (Option option in folded) option.Hidden = false;
            parseResult.InvocationConfiguration.Output = output;
        }

        text.WriteLine();
        string name = RootCommand.ExecutableName;
        string own = text.ToString().Replace($"  {name} ", $"  {CalledAs.Plain} ", StringComparison.Ordinal).TrimEnd('\n') + "\n\n";
        output.Write(CalledAs.In(own));
        if (folded.Length > 0)
        {
            string names = string.Join(", ", folded.Select(o => o.Name).Where(n => n is not ("--help" or "--version")));
            output.WriteLine(CalledAs.In($"Every command also takes: {names}\n  ('quantbench --help' explains them)\n"));
        }

        if (_texts.TryGetValue(command, out string? examples)) output.WriteLine(CalledAs.In(examples.ReplaceLineEndings("\n")));
        return code;
    }
}
