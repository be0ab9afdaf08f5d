using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Tests.Clients;

/// <summary>Ollama's protocol, after docs/api.md of version 0.13; oddities after what clients' public bug reports show.</summary>
public sealed class OllamaClientTests
{
    private const string Hello = """{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Hell"""
        + """o"},"done":false}""";

    [Theory]
    [InlineData("""{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":500000"""
        + """0,"load_duration":1000000,"prompt_eval_count":26,"prompt_eval_duration":1500000,"eval_count":2,"eval_duration":2500000}""",
        "Hello u26//2/ t1/1.5/2.5/5 end stop")]
    // the prompt came from the cache: no count; durations of 0 or none: not measured
    [InlineData("""{"model":"m","message":{"content":""},"done":true,"done_reason":"length","total_duration":0,"load_duration":0,"pr"""
        + """ompt_eval_duration":0,"eval_count":2,"eval_duration":0}""",
        "Hello u//2/ t/// end length")]
    // old versions say no reason; the last line may hold text, and no message
    [InlineData("""{"model":"m","message":{"content":"!"},"done":true}""", "Hello ! u/// t/// end ")]
    [InlineData("""{"model":"m:latest","done":true,"done_reason":"stop"}""", "Hello u/// t/// end stop")]
    // thinking before the answer
    [InlineData("{\"model\":\"m\",\"message\":{\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n\n"
        + "{\"model\":\"m\",\"message\":null,\"done\":true,\"done_reason\":\"stop\"}",
        "Hello (hm) u/// t/// end stop")]
    // an error in the midst under status 200; a stream that is cut; another model; garbage
    [InlineData("""{"error":"model runner has unexpectedly stopped"}""",
        "Hello ServerError: the server says: model runner has unexpectedly stopped")]
    [InlineData("", "Hello Cut: the connection ended before the reply did")]
    [InlineData("""{"model":"m2","message":{"content":"x"},"done":false}""",
        "Hello Malformed: 'm' was asked for, and the reply comes from 'm2'")]
    [InlineData("<html>", "Hello Malformed: a line of the reply isn't JSON of a chat: ")]
    public async Task Generate_ReadsWhatServersSend(string rest, string reply)
    {
        string said = await Talk.SayAsync("ollama", WireServer.Stream($"{Hello}\n{rest}\n", "application/x-ndjson"));

        Assert.StartsWith(reply, said, StringComparison.Ordinal);
        if (!reply.Contains("JSON", StringComparison.Ordinal)) Assert.Equal(reply, said);
    }

    [Fact]
    public async Task Inspect_LoadsTheModel_AndTellsWhatRuns()
    {
        using WireServer server = Server("""{"models":[{"name":"m:latest","model":"m:latest","size":1000,"digest":"abc","detail"""
            + """s":{"format":"gguf","family":"llama","quantization_level":"Q4_K_M"},"size_vram":250,"context_length":4096},{"nam"""
            + """e":"other:1b","model":"other:1b","size":5,"digest":"d","details":{},"size_vram":0}]}""");
        using IServerClient client = Talk.To("ollama", server.Url);

        ServerIdentity found = await client.InspectAsync("m", default);

        Assert.Equal(("Ollama 0.13.1", "m", "Q4_K_M", 1000L, 4096, 0.25),
            (found.Server, found.Model, found.Quantization, found.SizeBytes, found.ContextLength, found.DeviceShare));
        Assert.Equal(("abc", "gguf", "other:1b"), (found.Facts["digest"], found.Facts["format"], found.Facts["also_loaded"]));
        Assert.Contains(server.Requests, r => r.StartsWith("POST /api/generate", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"models":[]}""", "'m' was loaded, but what runs is nothing")]
    [InlineData("""{"models":[{"name":"other:1b","model":"other:1b","size":5,"digest":"d","details":{},"size_vra"""
        + """m":0}]}""", "what runs is other:1b")]
    [InlineData("""{"models":[{"name":"m:latest","model":"m:latest","size":5,"digest":"d","details":{"quantization_level":"Q8_0"},"s"""
        + """ize_vram":0}]}""", "'m' is Q4_K_M, but what runs is Q8_0")]
    public async Task Inspect_Fails_WhenSomethingElseRuns(string running, string message)
    {
        using WireServer server = Server(running);
        using IServerClient client = Talk.To("ollama", server.Url);

        ServerException e = await Assert.ThrowsAsync<ServerException>(() => client.InspectAsync("m", default));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_Fails_WhenTheModelIsNotThere()
    {
        using var server = new WireServer((path, _) => path == "/api/version" ? WireServer.Answer("""{"version":"0.13.1"}""")
            : WireServer.Answer("""{"error":"model 'm' not found"}""", status: "404 Not Found"));
        using IServerClient client = Talk.To("ollama", server.Url);

        ServerException e = await Assert.ThrowsAsync<ServerException>(() => client.InspectAsync("m", default));

        Assert.Equal(ServerFault.Rejected, e.Fault);
    }

    [Fact]
    public async Task Pull_TellsHowFarItIs_AndEndsWithSuccess()
    {
        using var server = new WireServer((path, _) => path == "/api/tags" ? WireServer.Answer("""{"models":[{"name":"m:latest"}]}""")
            : WireServer.Stream("""{"status":"pulling manifest"}""" + "\n\n"
                + """{"status":"pulling 6a0746a1ec1a","digest":"sha256:6a","total":2000,"completed":500}""" + "\n"
                + """{"status":"verifying sha256 digest"}""" + "\n" + """{"status":"success"}""" + "\n", "application/x-ndjson"));
        using IServerClient client = Talk.To("ollama", server.Url);
        var keeper = (IModelKeeper)client;
        var seen = new List<string>();

        Assert.True(await keeper.HasAsync("m", default));
        Assert.False(await keeper.HasAsync("m:q8_0", default));
        await keeper.PullAsync("m:q8_0", (status, done, total) => seen.Add($"{status} {done}/{total}"), default);

        Assert.Equal(["pulling manifest 0/0", "pulling 6a0746a1ec1a 500/2000", "verifying sha256 digest 0/0", "success 0/0"], seen);
        Assert.Contains("{\"model\":\"m:q8_0\",\"stream\":true}", server.Requests[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"error":"pull model manifest: file does not exist"}""", ServerFault.Rejected, "file does not exist")]
    [InlineData("""{"status":"pulling","total":5,"completed":1}""", ServerFault.Cut, "before 'x' was pulled")]
    [InlineData("<html>", ServerFault.Malformed, "isn't JSON")]
    [InlineData("[]", ServerFault.Malformed, "isn't JSON")]
    public async Task Pull_FailsWithTheServersWords(string line, ServerFault fault, string words)
    {
        using var server = new WireServer((_, _) => WireServer.Stream(line + "\n", "application/x-ndjson"));
        using IServerClient client = Talk.To("ollama", server.Url);

        ServerException e =
            await Assert.ThrowsAsync<ServerException>(() => ((IModelKeeper)client).PullAsync("x", (_, _, _) => { }, default));

        Assert.Equal(fault, e.Fault);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unload_AndDelete_AskForIt()
    {
        using var server = new WireServer((path, _) => path == "/api/delete" ? WireServer.Answer("")
            : WireServer.Answer("""{"model":"m","response":"","done":true,"done_reason":"unload"}"""));
        using IServerClient client = Talk.To("ollama", server.Url);

        await ((IModelKeeper)client).UnloadAsync("m", default);
        await ((IModelKeeper)client).DeleteAsync("m", default);

        Assert.Contains("{\"model\":\"m\",\"stream\":false,\"keep_alive\":0}", server.Requests[0], StringComparison.Ordinal);
        Assert.StartsWith("DELETE /api/delete", server.Requests[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_Fails_WhenTheModelIsNotThere()
    {
        using var server = new WireServer((_, _) => WireServer.Answer("""{"error":"model 'm' not found"}""", status: "404 Not Found"));
        using IServerClient client = Talk.To("ollama", server.Url);

        ServerException e = await Assert.ThrowsAsync<ServerException>(() => ((IModelKeeper)client).DeleteAsync("m", default));

        Assert.Equal(ServerFault.Rejected, e.Fault);
    }

    private static WireServer Server(string running) => new((path, _) => path switch
    {
        "/api/version" => WireServer.Answer("""{"version":"0.13.1"}"""),
        "/api/show" => WireServer.Answer("""{"modelfile":"","details":{"format":"gguf","family":"llama","parameter_size":"1B","quant"""
            + """ization_level":"Q4_K_M"},"model_info":{"general.architecture":"llama","general.parameter_count":1000},"capabilitie"""
            + """s":["completion"]}"""),
        "/api/generate" => WireServer.Answer("""{"model":"m","created_at":"2026-01-01T00:00:00Z","response":"","done":true,"done_rea"""
            + """son":"load"}"""),
        "/api/ps" => WireServer.Answer(running),
        _ => WireServer.Answer("", status: "404 Not Found"),
    });
}
