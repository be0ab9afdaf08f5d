using System.Collections.Immutable;
using QuantBench.Core.Errors;

namespace QuantBench.Cli.Composition;

/// <summary>Native libraries of the user's own, as engines look them up: by the engine's name, its further ones as
/// <c>engine:NAME</c>.</summary>
internal static class NativeLibraries
{
    /// <summary>Collects them from options and environment variables; options come first.</summary>
    /// <param name="llamaCpp">Directory with a native build of llama.cpp; null = the pinned one.</param>
    /// <param name="ortLibrary">Library of ONNX Runtime or its directory; null = the one that comes with the program.</param>
    /// <param name="ortPlugins">Libraries of execution providers, as NAME=PATH.</param>
    /// <exception cref="RequestException">One isn't there.</exception>
    public static ImmutableSortedDictionary<string, string> Of(string? llamaCpp, string? ortLibrary, IEnumerable<string> ortPlugins)
    {
        var found = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        if ((llamaCpp ?? Installation.NonEmpty("QUANTBENCH_LLAMACPP_DIR")) is { } directory)
        {
            string full = Path.GetFullPath(directory);
            if (!Directory.Exists(full))
                throw new RequestException($"the llama.cpp directory {full} doesn't exist.",
                    "Name the directory that holds libllama and libggml.");
            found["llamacpp"] = full;
        }

        if ((ortLibrary ?? Installation.NonEmpty("QUANTBENCH_ORT_LIBRARY")) is { } library)
        {
            string full = Path.GetFullPath(library);
            if (!File.Exists(full) && !Directory.Exists(full))
                throw new RequestException($"the ONNX Runtime library {full} doesn't exist.",
                    "Name libonnxruntime.so (onnxruntime.dll, libonnxruntime.dylib), or the directory that holds it.");
            found["onnxruntime"] = full;
        }

        foreach (string plugin in ortPlugins)
        {
            int equals = plugin.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == plugin.Length - 1)
                throw new RequestException($"--ort-plugin {plugin} isn't NAME=PATH.",
                    "E.g. --ort-plugin cuda=/opt/onnxruntime/libonnxruntime_providers_cuda.so");
            string full = Path.GetFullPath(plugin[(equals + 1)..]);
            if (!File.Exists(full))
                throw new RequestException($"the execution-provider library {full} doesn't exist.", "Name the provider's shared library.");
            found[$"onnxruntime:{plugin[..equals]}"] = full;
        }

        return found.ToImmutable();
    }
}
