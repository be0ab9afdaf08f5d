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

    /// <summary>Directory with a native build of llama.cpp.</summary>
    public Option<string?> LlamaCpp { get; } = new("--llamacpp-dir")
    {
        Description = "directory with your own build of llama.cpp's libraries (or $QUANTBENCH_LLAMACPP_DIR)",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>Library of another ONNX Runtime build.</summary>
    public Option<string?> OrtLibrary { get; } = new("--ort-library")
    {
        Description = "your own build of ONNX Runtime: its shared library, or the directory that holds it (or $QUANTBENCH_ORT_LIBRARY)",
        HelpName = "PATH",
        Recursive = true,
    };

    /// <summary>Libraries of execution providers.</summary>
    public Option<string[]> OrtPlugin { get; } = new("--ort-plugin")
    {
        Description =
            "library of an ONNX Runtime execution provider to register, e.g. cuda=/opt/libonnxruntime_providers_cuda.so; may be given "
                + "several times",
        HelpName = "NAME=PATH",
        Recursive = true,
        DefaultValueFactory = _ => [],
    };

    /// <summary>Adds them to the root command.</summary>
    public void AddTo(RootCommand root)
    {
        root.Options.Add(Results);
        root.Options.Add(Store);
        root.Options.Add(Cache);
        root.Options.Add(LlamaCpp);
        root.Options.Add(OrtLibrary);
        root.Options.Add(OrtPlugin);
    }

    /// <summary>The runner's environment as these options say.</summary>
    public RunnerEnvironment Environment(ParseResult parsed) =>
        Installation.MakeEnvironment(parsed.GetValue(Results), parsed.GetValue(Cache), parsed.GetValue(Store),
            NativeLibraries.Of(parsed.GetValue(LlamaCpp), parsed.GetValue(OrtLibrary), parsed.GetValue(OrtPlugin) ?? []));
}
