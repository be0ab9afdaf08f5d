using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using QuantBench.TestKit;

namespace QuantBench.Cli.Tests.EndToEnd;

/// <summary>Where a server's key must not stand, by the real commands.</summary>
public sealed class ServerKeyTests
{
    private const string Secret = "sk-very-secret-5f1c-77aa";

    [Fact]
    public async Task Key_StandsInNothingThatARunLeaves()
    {
        using var folder = new TemporaryDirectory();
        using HttpListener server = Listen(out int port);
        List<string> keys = [];
        _ = AnswerAsync(server, keys);
        // One server answers with its key wherever it can, another one, which the run starts, logs it.
        string suite = folder.Combine("keys.yaml");
        await File.WriteAllTextAsync(suite, $$"""
            suite: keys
            models: [ { id: stub, source: served } ]
            variants: ["served:m", "served:other"]
            servers:
              - id: talker
                command: ["sh", "-c", "echo key is $QUANTBENCH_KEY_127_0_0_1; exec sleep 1000", "{port}"]
                health: http://127.0.0.1:{{port}}/health
            backends: ["remote/openai@http://127.0.0.1:{{port}}", "remote/ollama@http://127.0.0.1:{{port}}", "remote/openai@talker"]
            workloads:
              - serve: { concurrency: 1, duration: 0.5, warmup: 0, launches: 1, prompt_tokens: "8", output_tokens: "4" }
            """);
        (string, string?)[] environment = [("QUANTBENCH_KEY_127_0_0_1", Secret)];
        string[] places = ["--results", folder.Combine("results"), "--cache", folder.Combine("cache")];

        var said = new StringBuilder();
        foreach (string[] command in (string[][])[["run", suite, "--plain"], ["report", "latest"],
            ["results", "export", "latest", "--format", "json", "--out", folder.Combine("export.json")],
            ["results", "export", "latest", "--format", "csv", "--out", folder.Combine("export.csv")]])
        {
            (int code, string output, string error) = await QuantBenchProcess.RunAsync(environment, [.. command, .. places]);
            said.Append(output).Append(error);
            Assert.True(command[0] == "run" || code == 0, error);
        }

        Assert.Contains(keys, k => k == $"Bearer {Secret}"); // it was sent
        Assert.Contains("Incorrect API key: ***", said.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, said.ToString(), StringComparison.Ordinal);
        string[] files = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories);
        Assert.Contains(files, f => Path.GetFileName(f).StartsWith("server-talker-", StringComparison.Ordinal)
            && File.ReadAllText(f).Contains("key is ***", StringComparison.Ordinal));
        Assert.All(files, f => Assert.False(Holds(f), f));
    }

    private static bool Holds(string file)
    {
        using var bytes = new MemoryStream();
        using (Stream stream = file.EndsWith(".gz", StringComparison.Ordinal)
            ? new GZipStream(File.OpenRead(file), CompressionMode.Decompress) : File.OpenRead(file)) stream.CopyTo(bytes);
        return bytes.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(Secret)) >= 0;
    }

    private static HttpListener Listen(out int port)
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        var listener = new HttpListener();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        return listener;
    }

    private static async Task AnswerAsync(HttpListener listener, List<string> keys)
    {
        while (listener.IsListening)
        {
            try
            {
                HttpListenerContext asked = await listener.GetContextAsync();
                if (asked.Request.Headers["Authorization"] is { } key) keys.Add(key);
                string path = asked.Request.Url?.AbsolutePath ?? "";
                (int status, string body) = path switch
                {
                    "/health" => (200, "ok"),
                    "/v1/models" => (200, $$"""{"data":[{"id":"m","root":"{{Secret}}"},{"id":"{{Secret}}"}]}"""),
                    "/v1/chat/completions" => (401, $"Incorrect API key: {Secret}"),
                    _ => (404, $$"""{"error":"no {{path}} for {{Secret}}"}"""),
                };
                asked.Response.StatusCode = status;
                asked.Response.Headers["Server"] = Secret;
                asked.Response.ContentType = "application/json";
                await asked.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body));
                asked.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
