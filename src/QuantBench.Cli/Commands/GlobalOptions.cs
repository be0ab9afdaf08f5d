using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Cli.Composition;
using QuantBench.Core.Engines;
using QuantBench.Runner.Workers;

namespace QuantBench.Cli.Commands;

/// <summary>Options that every command takes.</summary>
internal sealed class GlobalOptions
{
    // As the engines' registrations name them.
    private readonly ImmutableArray<(string Engine, NativeLibrary Library, Option Option)> _libraries =
    [
        .. Composition.Engines.All.Catalog.Engines.SelectMany(e => e.Libraries.Select(l => (e.Name, l, Make(l)))),
    ];

    /// <summary>Directory of run folders.</summary>
    public Option<string?> Results { get; } = new("--results")
    {
        Description = "directory of run folders (default: results/ of the installation)",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>Address of the results store.</summary>
    public Option<string?> Store { get; } = new("--store")
    {
        Description =
            "database of results: postgres://user@host/database, 'postgres' (PGHOST, PGDATABASE, ...), file:PATH of a file that holds the "
                + "address, or sqlite (default; or $QUANTBENCH_STORE). Keep passwords in ~/.pgpass, PGPASSWORD or that file",
        HelpName = "ADDRESS",
        Recursive = true,
    };

    /// <summary>Cache root.</summary>
    public Option<string?> Cache { get; } = new("--cache")
    {
        Description = "directory of artifacts, tokens and downloads (default: .cache/ of the installation, or $QUANTBENCH_CACHE)",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>Adds them to the root command.</summary>
    public void AddTo(RootCommand root)
    {
        root.Options.Add(Results);
        root.Options.Add(Store);
        root.Options.Add(Cache);
        foreach ((_, _, Option option) in _libraries) root.Options.Add(option);
    }

    /// <summary>Option of the commands that open models.</summary>
    public Option<bool> Rehash { get; } = new("--rehash")
    {
        Description = "read every model file again, even where inode, size and times say that it is the one whose hash is known",
    };

    /// <summary>The runner's environment as these options say.</summary>
    public RunnerEnvironment Environment(ParseResult parsed) =>
        Installation.MakeEnvironment(parsed.GetValue(Results), parsed.GetValue(Cache), parsed.GetValue(Store),
            NativeLibraries.Of(_libraries.Select(l => (l.Engine, l.Library, Given(parsed, l.Option)))), parsed.GetValue(Rehash));

    private static Option Make(NativeLibrary library) => library.NamedExample is null
        ? new Option<string?>(library.Option) { Description = library.Description, HelpName = library.HelpName, Recursive = true }
        : new Option<string[]>(library.Option)
        {
            Description = library.Description,
            HelpName = library.HelpName,
            Recursive = true,
            DefaultValueFactory = _ => [],
        };

    private static string[] Given(ParseResult parsed, Option option) => option is Option<string[]> several
        ? parsed.GetValue(several) ?? []
        : parsed.GetValue((Option<string?>)option) is { } one ? [one] : [];
}
