using System.Collections.Immutable;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;

namespace QuantBench.Cli.Composition;

/// <summary>Native libraries of the user's own, as engines look them up: by the engine's name, its further ones as
/// <c>engine:NAME</c>.</summary>
internal static class NativeLibraries
{
    /// <summary>Collects them from options and environment variables; options come first.</summary>
    /// <param name="libraries">What engines take, each with what the command line gives.</param>
    /// <exception cref="RequestException">One isn't there.</exception>
    public static ImmutableSortedDictionary<string, string> Of(
        IEnumerable<(string Engine, NativeLibrary Library, string[] Given)> libraries)
    {
        var found = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach ((string engine, NativeLibrary library, string[] given) in libraries)
        {
            string? named = given.Length == 0 && library.Variable is { } variable ? Installation.NonEmpty(variable) : null;
            foreach (string value in named is null ? given : [named])
            {
                (string key, string path) = library.NamedExample is null ? (engine, value) : Named(engine, library, value);
                string full = Path.GetFullPath(path);
                if (!(library.MayBeFile && File.Exists(full)) && !(library.MayBeDirectory && Directory.Exists(full)))
                    throw new RequestException($"{library.What} {full} doesn't exist.", library.Hint);
                found[key] = full;
            }
        }

        return found.ToImmutable();
    }

    private static (string Key, string Path) Named(string engine, NativeLibrary library, string value)
    {
        int equals = value.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0 || equals == value.Length - 1)
            throw new RequestException($"{library.Option} {value} isn't NAME=PATH.", $"E.g. {library.Option} {library.NamedExample}");
        return ($"{engine}:{value[..equals]}", value[(equals + 1)..]);
    }
}
