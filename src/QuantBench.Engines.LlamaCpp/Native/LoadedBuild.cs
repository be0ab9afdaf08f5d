using System.Diagnostics;

namespace QuantBench.Engines.LlamaCpp.Native;

/// <summary>The build of llama.cpp that this process has loaded already. All builds name their libraries alike, and a second one would run
/// on parts of the first.</summary>
internal static class LoadedBuild
{
    /// <summary>Its directory; null when there is none.</summary>
    public static string? Directory()
    {
        using var process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
        {
            using (module)
            {
                if (Path.GetFileName(module.FileName).Contains("ggml-base", StringComparison.Ordinal))
                    return Path.GetDirectoryName(module.FileName);
            }
        }

        return null;
    }
}
