using System.CommandLine;

namespace QuantBench.Cli.Commands;

/// <summary>How a run shows its progress.</summary>
internal sealed class ViewOptions
{
    /// <summary>One JSON object per event.</summary>
    public Option<bool> Json { get; } = new("--json") { Description = "print events as JSON lines" };

    /// <summary>Plain lines.</summary>
    public Option<bool> Plain { get; } = new("--plain") { Description = "print plain lines, also on a terminal" };
}
