using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace QuantBench.Cli.Commands;

/// <summary>Prints what System.CommandLine knows of a command, then its examples and notes.</summary>
/// <param name="inner">System.CommandLine's own help.</param>
internal sealed class HelpTexts(HelpAction inner) : SynchronousCommandLineAction
{
    private readonly Dictionary<Command, string> _texts = [];

    /// <summary>Gives every help of a root command its examples.</summary>
    /// <param name="root">The root command, its own help option included.</param>
    public static HelpTexts Install(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        var texts = new HelpTexts((HelpAction)option.Action!); // HelpOption makes its action itself
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
        inner.MaxWidth = 120;
        int code = inner.Invoke(parseResult);
        if (_texts.TryGetValue(parseResult.CommandResult.Command, out string? text))
            parseResult.InvocationConfiguration.Output.WriteLine(text.ReplaceLineEndings("\n"));
        return code;
    }
}
