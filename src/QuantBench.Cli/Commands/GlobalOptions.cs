using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Runner;

namespace QuantBench.Cli.Commands;

/// <summary>Options that every command takes.</summary>
internal sealed class GlobalOptions
{
    /// <summary>Directory of run folders.</summary>
    public Option<string?> Results { get; } = new("--results")
    {
        Description = "directory of run folders (default: results/ of the installation)",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>Cache root.</summary>
    public Option<string?> Cache { get; } = new("--cache")
    {
        Description = "directory of artifacts, tokens and downloads (default: .cache/ of the installation, or $QUANTBENCH_CACHE)",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>Directory with a native build of llama.cpp.</summary>
    public Option<string?> LlamaCpp { get; } = new("--llamacpp-dir")
    {
        Description = "directory with your own build of llama.cpp's libraries (or $QUANTBENCH_LLAMACPP_DIR)",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>Adds them to the root command.</summary>
    public void AddTo(RootCommand root)
    {
        root.Options.Add(Results);
        root.Options.Add(Cache);
        root.Options.Add(LlamaCpp);
    }

    /// <summary>The runner's environment as these options say.</summary>
    public RunnerEnvironment Environment(ParseResult parsed) =>
        Installation.MakeEnvironment(parsed.GetValue(Results), parsed.GetValue(Cache), parsed.GetValue(LlamaCpp));
}
