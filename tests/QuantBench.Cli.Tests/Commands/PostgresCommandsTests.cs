using System.Text.Json;
using QuantBench.TestKit;
using QuantBench.TestKit.Databases;

namespace QuantBench.Cli.Tests.Commands;

/// <summary>The command with a lab's PostgreSQL as its store.</summary>
public sealed class PostgresCommandsTests(StoredRuns stored) : IClassFixture<StoredRuns>
{
    [PostgresFact]
    public async Task Commands_ReadRunsOfAnotherMachine_ThroughTheStore()
    {
        using var elsewhere = new TemporaryDirectory();
        string database = PostgresServer.Shared.NewDatabase();
        string file = elsewhere.Combine("address");
        await File.WriteAllTextAsync(file,
            $"# the lab's\n{PostgresServer.Shared.UrlOf(database)}\n");

        // One machine puts its runs in; another, with none of its own, reads them.
        (int code, string output, string error) = await Run("results", "reindex", "--results", stored.Path);
        Assert.True(code == 0, error);
        Assert.Contains($"7 runs with ", output, StringComparison.Ordinal);
        Assert.Contains($"PostgreSQL database {database} on 127.0.0.1:{PostgresServer.Shared.Port}", output, StringComparison.Ordinal);
        string results = elsewhere.Combine("results");
        Assert.Contains("run-6", (await Run("results", "list", "--results", results)).Output, StringComparison.Ordinal);
        Assert.Equal((await Run("compare", "run-0", "run-6", "--results", stored.Path)).Output,
            (await Run("compare", "run-0", "run-6", "--results", results)).Output);
        Assert.Contains("got worse in the last 5 runs",
            (await Run("trend", "tg_tps", "--variant", "gguf:Q4_K_M", "--results", results)).Output, StringComparison.Ordinal);
        JsonElement export = JsonDocument.Parse((await Run("results", "export", "run-3", "--results", results)).Output).RootElement;
        Assert.Equal("run-3", export.GetProperty("run").GetProperty("id").GetString());
        Assert.Equal(0, (await Run("results", "forget", "run-3", "--results", results)).Code);
        Assert.Equal(65, (await Run("results", "show", "run-3", "--results", results)).Code);

        Task<(int Code, string Output, string Error)> Run(params string[] line) =>
            QuantBenchProcess.RunAsync([("QUANTBENCH_STORE", $"file:{file}")], line);
    }

    [PostgresFact]
    public async Task Commands_FailWithOneMessage_WhenTheStoreLetsNobodyIn()
    {
        string address = $"postgres://{PostgresServer.User}:wrong-secret@127.0.0.1:{PostgresServer.Shared.Port}/postgres";
        foreach (string[] line in (string[][])[["results", "list"], ["results", "reindex"], ["trend", "tg_tps"],
            ["dashboard", "--port", "0"]])
        {
            (int code, string output,
                string error) = await QuantBenchProcess.RunAsync([], [.. line, "--results", stored.Path, "--store", address]);

            Assert.Equal(74, code);
            Assert.Contains("error: PostgreSQL database postgres on 127.0.0.1", error, StringComparison.Ordinal);
            Assert.Contains("hint: Check the user", error, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", output + error, StringComparison.Ordinal);
        }
    }
}
