using System.CommandLine;
using QuantBench.Analysis.Frames;
using QuantBench.Cli.Views;

namespace QuantBench.Cli.Commands;

/// <summary>Options for how an analysis is written: <c>--format</c>, <c>--out</c> and <c>--all</c>.</summary>
internal sealed class FrameOutput
{
    // More than a screen of every reference sweep; what matters stands first.
    private const int ShownRows = 200;

    public FrameOutput() => Format.AcceptOnlyFromAmong([.. FrameWriter.Formats]);

    /// <summary>The format.</summary>
    public Option<string> Format { get; } = new("--format")
    {
        Description = $"{string.Join(", ", FrameWriter.Formats)}; md is for reading, the others hold every number in full (default: "
            + "tables on a terminal, md elsewhere)",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => "md",
    };

    /// <summary>The file.</summary>
    public Option<string?> File { get; } = new("--out") { Description = "file to write (default: standard output)", HelpName = "FILE" };

    /// <summary>Whether Markdown holds every row.</summary>
    public Option<bool> All { get; } = new(
        "--all")
    { Description = $"every row in md, which otherwise ends after {ShownRows} and says how many are left out" };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(Format);
        command.Options.Add(File);
        command.Options.Add(All);
    }

    /// <summary>How many rows the text for people may have.</summary>
    public int MostRows(ParseResult parsed) => parsed.GetValue(All) ? int.MaxValue : ShownRows;

    /// <summary>Writes: the text for people in Markdown, the frame in any other format.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="markdown">The text for people.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="stop">Stops writing.</param>
    public async Task WriteAsync(ParseResult parsed, Func<string> markdown, Func<Frame> frame, CancellationToken stop)
    {
        string format = parsed.GetRequiredValue(Format);
        string? path = parsed.GetValue(File);
        if (format == "parquet")
        {
            await using Stream binary = path is null ? Console.OpenStandardOutput() : System.IO.File.Create(path);
            await FrameWriter.WriteAsync(frame(), format, binary, stop);
            return;
        }

        if (format == "csv")
        {
            if (path is null)
            {
                await FrameWriter.WriteCsvAsync(frame(), parsed.InvocationConfiguration.Output, stop);
                return;
            }

            await using var file = new StreamWriter(path);
            await FrameWriter.WriteCsvAsync(frame(), file, stop);
            return;
        }

        string text = format == "md" ? markdown() : FrameWriter.Text(frame(), format);
        // Asked for by name it is Markdown on a terminal too.
        if (format == "md" && path is null && parsed.GetResult(Format) is not { Implicit: false }) text = TerminalText.For(text);
        if (path is null) await parsed.InvocationConfiguration.Output.WriteAsync(text.AsMemory(), stop);
        else await System.IO.File.WriteAllTextAsync(path, text, stop);
    }
}
