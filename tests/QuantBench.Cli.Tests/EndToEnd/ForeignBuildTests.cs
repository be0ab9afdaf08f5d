using System.Text.Json;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>What a user is told whose llama.cpp is another release than the structs are written for: nothing of it may run.</summary>
public sealed class ForeignBuildTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [NpmFact(NpmPackage.LlamaCpp)]
    public async Task Doctor_RefusesAnotherRelease_WithItsVersion()
    {
        // The pinned build, but for what it says of itself; without metadata, as a build of the user's own.
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(NpmPackages.LlamaCpp("x")) ?? "", "*.so"))
        {
            byte[] bytes = await File.ReadAllBytesAsync(file);
            if (Path.GetFileName(file).StartsWith("libllama.", StringComparison.Ordinal))
            {
                int at = bytes.AsSpan().IndexOf("\00.5.0-dev"u8);
                Assert.True(at > 0, "libllama doesn't hold its version as it did");
                "0.4.9"u8.CopyTo(bytes.AsSpan(at + 1));
            }

            await File.WriteAllBytesAsync(_folder.Combine(Path.GetFileName(file)), bytes);
        }

        (int code, string output, string error) = await QuantBenchProcess.RunAsync("doctor", "--json", "--llamacpp-dir", _folder.Path);

        Assert.True(code == 0, error);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement[] engines = [.. json.RootElement.GetProperty("engines").EnumerateArray()];
        JsonElement refused = engines.Single(e => e.GetProperty("name").GetString() == "llamacpp");
        Assert.Contains("0.4.9", refused.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, refused.GetProperty("devices").GetArrayLength());
        // The other binding has a process of its own, and its own build there.
        JsonElement sharp = engines.Single(e => e.GetProperty("name").GetString() == "llamasharp");
        Assert.Contains("815a2a5", sharp.GetProperty("build").GetString(), StringComparison.Ordinal);
    }
}
