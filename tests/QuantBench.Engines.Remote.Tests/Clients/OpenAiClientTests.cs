using System.Diagnostics;
using QuantBench.Core.Errors;
using QuantBench.Engines.Remote.Clients;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Tests.Clients;

/// <summary>
/// Streams of the OpenAI protocol. Fields after the documents of OpenAI's API (chat completion chunk object, 2025-10), vLLM 0.11, llama.cpp
/// (tools/server/README.md of b6800), TGI 3.3, OpenRouter; oddities after what clients' public bug reports show.
/// </summary>
public sealed class OpenAiClientTests
{
    private const string Hello = """data: {"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"con"""
        + """tent":"Hello"},"finish_reason":null}]}""";
    private const string Stop = """data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""";
    private const string Done = "data: [DONE]\n\n";

    [Theory]
    // the plain case; a first chunk with a role and no text
    [InlineData("""data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}""", "Hello end stop")]
    [InlineData("""data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}""", "Hello end stop")]
    // comments that keep the connection alive, names of events, ids
    [InlineData(": OPENROUTER PROCESSING\n\n: keep-alive\n\nevent: message\nid: 7\nretry: 10", "Hello end stop")]
    // null choices, no choices, an empty chunk, a null choice, null deltas
    [InlineData("""data: {"choices":null}""", "Hello end stop")]
    [InlineData("""data: {"choices":[]}""", "Hello end stop")]
    [InlineData("""data: {}""", "Hello end stop")]
    [InlineData("""data: {"choices":[null]}""", "Hello end stop")]
    [InlineData("""data: {"choices":[{"delta":null,"finish_reason":null}]}""", "Hello end stop")]
    // an empty reason in every chunk is none; an error that is null is none
    [InlineData("""data: {"choices":[{"delta":{"content":"A"},"finish_reason":""}],"error":null}""", "A Hello end stop")]
    // no white space behind the colon; content in parts
    [InlineData("""data:{"choices":[{"delta":{"content":[{"type":"text","text":"A"},{"type":"text","tex"""
        + """t":"B"}]}}]}""", "AB Hello end stop")]
    // reasoning by its names, and both at once with the same text
    [InlineData("""data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}""", "(hm) Hello end stop")]
    [InlineData("""data: {"choices":[{"delta":{"reasoning":"hm","content":null}}]}""", "(hm) Hello end stop")]
    [InlineData("""data: {"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}""", "(hm) Hello end stop")]
    // usage that is null, or counted in every chunk: the last one counts
    [InlineData("""data: {"choices":[],"usage":null}""", "Hello end stop")]
    [InlineData("""data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}""", "Hello u9//1/ end stop")]
    // logprobs, tool calls and what else there is
    [InlineData("""data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"logprobs":{"conten"""
        + """t":[]}}],"x":[1,{"y":2}]}""", "Hello end stop")]
    public async Task Generate_ReadsWhatServersSend(string first, string reply) =>
        Assert.Equal(reply, await Talk.SayAsync("openai", WireServer.Stream($"{first}\n\n{Hello}\n\n{Stop}\n\n{Done}")));

    [Theory]
    // usage in a last chunk without choices (OpenAI), with details (vLLM), beside timings (llama-server), timings alone
    [InlineData("""{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4},"compl"""
        + """etion_tokens_details":{"reasoning_tokens":0}}}""", "u9/4/1/0")]
    [InlineData("""{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":null}}""", "u9//1/")]
    [InlineData("""{"choices":[],"usage":{"completion_tokens":1,"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":5}},"timi"""
        + """ngs":{"cache_n":5,"prompt_n":4,"prompt_ms":7.5,"predicted_n":1,"predicted_ms":0.25}}""", "u9/5/1/ t/7.5/0.25/")]
    [InlineData("""{"choices":[],"timings":{"cache_n":5,"prompt_n":4,"prompt_ms":7.5,"predicted_n":1,"predicted_ms":0.2"""
        + """5}}""", "u9/5/1/ t/7.5/0.25/")]
    // durations of 0
    [InlineData("""{"choices":[],"timings":{"prompt_n":4,"prompt_ms":0,"predicted_n":1,"predicted_ms":0.0}}""", "u4//1/ t/0/0/")]
    public async Task Generate_HandsOnTheServersCountsAndTimes_AtTheEnd(string last, string words) =>
        Assert.Equal($"Hello {words} end stop",
            await Talk.SayAsync("openai", WireServer.Stream($"{Hello}\n\n{Stop}\n\ndata: {last}\n\n{Done}")));

    [Fact]
    public async Task Generate_TakesACleanEndWithoutDone_WhenAReasonWasGiven()
    {
        Assert.Equal("Hello end stop", await Talk.SayAsync("openai", WireServer.Stream($"{Hello}\r\n\r\n{Stop}\r\n\r\n")));
        Assert.StartsWith("Hello Cut:", await Talk.SayAsync("openai", WireServer.Stream($"{Hello}\n\n")), StringComparison.Ordinal);
        Assert.StartsWith("Hello Cut:", await Talk.SayAsync("openai", WireServer.Stream($"{Hello}\n\n{Stop}\n\ndata: {{\"cho")),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""data: {"error":{"message":"out of memory","code":500}}""", "ServerError: the server says: out of memory")]
    [InlineData("""data: {"error":"out of memory"}""", "ServerError: the server says: out of memory")]
    [InlineData("""data: {"object":"error","message":"out of memory","code":400}""", "ServerError: the server says: out of memory")]
    [InlineData("data: oops", "Malformed: a chunk of the reply isn't JSON")]
    [InlineData("""data: {"choices":[{"delta":{"content":"x"}}]}}""", "Malformed: a chunk of the reply isn't JSON")]
    [InlineData("""data: {"model":"other","choices":[]}""", "Malformed: 'm' was asked for, and replies come from 'm' and from 'other'")]
    public async Task Generate_FailsInTheMidst(string line, string fault) =>
        Assert.StartsWith($"Hello {fault}", await Talk.SayAsync("openai", WireServer.Stream($"{Hello}\n\n{line}\n\n{Done}")),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"error":{"message":"no such model","type":"x"}}""", "ServerError: the server says under status 200: no such model")]
    [InlineData("""{"object":"chat.completion","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}""",
        "Malformed: the server answered with a whole completion instead of a stream")]
    public async Task Generate_Fails_WhenTheAnswerIsNoStream(string body, string fault) =>
        Assert.StartsWith(fault, await Talk.SayAsync("openai", WireServer.Answer(body)), StringComparison.Ordinal);

    [Theory]
    [InlineData("429 Too Many Requests", "RateLimited: ")]
    [InlineData("503 Service Unavailable", "ServerError: ")]
    [InlineData("404 Not Found", "Rejected: ")]
    [InlineData("302 Found", "Rejected: ")] // a redirect isn't followed: the key would go along
    public async Task Generate_SortsStatuses(string status, string fault)
    {
        string said = await Talk.SayAsync("openai", WireServer.Answer("busy", status: status, head: "Location: http://127.0.0.1:1/\r\n"));

        Assert.StartsWith(fault, said, StringComparison.Ordinal);
        Assert.EndsWith($"status {status[..3]}: busy", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_SendsAgainOnce_WhenAKeptConnectionIsGone()
    {
        int asked = 0;
        using var server = new WireServer((_, _) =>
            ++asked == 2 ? "" : WireServer.Answer($"{Hello}\n\n{Stop}\n\n{Done}", "text/event-stream"));
        using IServerClient client = Talk.To("openai", server.Url);

        Assert.Equal("Hello end stop", await Talk.SayAsync(client));
        Assert.Equal("Hello end stop", await Talk.SayAsync(client));

        Assert.Equal((3, 1L), (asked, client.Resent));
    }

    [Fact]
    public async Task Inspect_TriesAgain_AfterTheTimeThatTheServerAsksFor_AndSaysSo()
    {
        int asked = 0;
        using var server = new WireServer((path, _) => !path.EndsWith("/models", StringComparison.Ordinal)
            ? WireServer.Answer("none", status: "404 Not Found")
            : ++asked switch
            {
                1 => WireServer.Answer("busy", status: "429 Too Many Requests", head: "Retry-After: 1\r\n"),
                2 => WireServer.Answer("loading", status: "503 Service Unavailable"),
                _ => WireServer.Answer("""{"data":[{"id":"m"}]}"""),
            });
        using IServerClient client = Talk.To("openai", server.Url);

        long start = Stopwatch.GetTimestamp();
        ServerIdentity found = await client.InspectAsync(null, default);

        Assert.Equal("m", found.Model);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 1.0, 60);
        Assert.Equal(2, client.Retried.Count);
        Assert.EndsWith("status 429: busy (waited 1.0 s)", client.Retried.First(), StringComparison.Ordinal);
        Assert.Contains("status 503: loading", client.Retried.Last(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("429 Too Many Requests", "Retry-After: 3600\r\n", 1)] // nobody waits that long
    [InlineData("401 Unauthorized", "", 1)]
    [InlineData("500 Internal Server Error", "", 4)]
    public async Task Inspect_GivesUp_WhereWaitingIsNoUse(string status, string head, int tries)
    {
        int asked = 0;
        using var server = new WireServer((path, _) =>
        {
            if (path.EndsWith("/models", StringComparison.Ordinal)) asked++;
            return WireServer.Answer("no", status: status, head: head);
        });
        using IServerClient client = Talk.To("openai", server.Url);

        await Assert.ThrowsAnyAsync<QuantBenchException>(() => client.InspectAsync(null, default));

        Assert.Equal(tries, asked);
        Assert.Equal(tries - 1, client.Retried.Count);
    }

    [Fact]
    public async Task Generate_IsNeverTriedAgain_WhenTheServerIsBusy()
    {
        using var server = new WireServer((_, _) => WireServer.Answer("busy", status: "429 Too Many Requests", head: "Retry-After: 0\r\n"));
        using IServerClient client = Talk.To("openai", server.Url);

        Assert.StartsWith("RateLimited: ", await Talk.SayAsync(client), StringComparison.Ordinal);

        Assert.Single(server.Requests);
        Assert.Empty(client.Retried);
    }

    [Fact]
    public async Task Key_IsSent_AndStandsNowhere()
    {
        const string Secret = "sk-very-secret-5f1c";
        using var server = new WireServer((path, _) => path.EndsWith("/models", StringComparison.Ordinal)
            ? WireServer.Answer($$"""{"data":[{"id":"m","root":"{{Secret}}"}]}""")
            : WireServer.Answer($"Incorrect API key provided: {Secret}", status: "401 Unauthorized"));
        ServerKey key = Talk.Key(Secret);
        using IServerClient client = Talk.To("openai", server.Url, key);

        string said = await Talk.SayAsync(client) + string.Join(";", (await client.InspectAsync(null, default)).ToFacts());

        Assert.All(server.Requests, r => Assert.Contains($"Authorization: Bearer {Secret}", r, StringComparison.Ordinal));
        Assert.DoesNotContain(Secret, said + key, StringComparison.Ordinal);
        Assert.Contains("Incorrect API key provided: ***", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("QUANTBENCH_KEY_MY_HOST_8080", true)]
    [InlineData("QUANTBENCH_KEY_MY_HOST", true)]
    [InlineData("QUANTBENCH_KEY_MY_HOST_81", false)]
    [InlineData("QUANTBENCH_KEY_OTHER", false)] // no key goes to another host
    public void Key_IsOfItsHost(string variable, bool found) =>
        Assert.Equal(found, ServerKey.Of(new Uri("https://my-host:8080/v1"), name => name == variable ? "k1" : null) is not null);

    [Fact]
    public void Key_IsReadFromAFile_AndRefusedWhenItIsNone()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "k1\n");
            ServerKey? Of() => ServerKey.Of(new Uri("http://h"), name => name == "QUANTBENCH_KEY_H_FILE" ? path : null);

            Assert.Equal("k1", Of()!.Value);
            File.WriteAllText(path, "two words");
            Assert.DoesNotContain("two words", Assert.Throws<EngineException>(Of).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }

        Assert.Throws<EngineException>(() => ServerKey.Of(new Uri("http://h"), name => name.EndsWith("_FILE") ? "/no/such/file" : null));
    }

    [Fact]
    public async Task Inspect_TellsLlamaServer()
    {
        using var server = new WireServer((path, _) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"object":"list","data":[{"id":"gguf:Q8_0","object":"model","owned_by":"llamacp"""
                + """p","meta":{"n_vocab":4096,"n_ctx_train":2048,"n_params":5770496,"size":11547648,"ftype":"Q8_0"}}]}"""),
            "/props" => WireServer.Answer("""{"default_generation_settings":{"n_ctx":1024},"total_slots":4,"model_path":"/m/a.ggu"""
                + """f","build_info":"b6800-abc"}"""),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });
        using IServerClient client = Talk.To("openai", server.Url);

        ServerIdentity found = await client.InspectAsync(null, default);

        Assert.Equal(("llama-server b6800-abc", "gguf:Q8_0", "Q8_0", 11547648L, 1024),
            (found.Server, found.Model, found.Quantization, found.SizeBytes, found.ContextLength));
        Assert.Equal(("llama-server", "/m/a.gguf", "4", "4096"),
            (found.Facts["kind"], found.Facts["model_path"], found.Facts["slots"], found.Facts["vocabulary"]));
    }

    [Fact]
    public async Task Inspect_TellsVllm_AndRefusesAModelThatIsNotThere()
    {
        using var server = new WireServer((path, _) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"object":"list","data":[{"id":"org/m","object":"model","owned_by":"vllm","roo"""
                + """t":"/models/m-awq","max_model_len":4096}]}"""),
            "/version" => WireServer.Answer("""{"version":"0.11.0"}"""),
            _ => WireServer.Answer("""{"detail":"Not Found"}""", status: "404 Not Found"),
        });
        using IServerClient client = Talk.To("openai", server.Url);

        ServerIdentity found = await client.InspectAsync("org/m", default);
        ServerException e = await Assert.ThrowsAsync<ServerException>(() => client.InspectAsync("org/other", default));

        Assert.Equal(("vLLM 0.11.0", 4096, "/models/m-awq"), (found.Server, found.ContextLength, found.Facts["listed_root"]));
        Assert.Contains("no model 'org/other', but org/m", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Score_ForcesEachToken_OnLlamaServer()
    {
        using var server = new WireServer((_, body) =>
        {
            int next = System.Text.Json.JsonDocument.Parse(body).RootElement.GetProperty("logit_bias")[0][0].GetInt32();
            return WireServer.Answer(
                $$$"""{"completion_probabilities":[{"id":{{{next}}},"token":"x","bytes":[120],"logprob":-{{{next}}}.5,"top_logpro"""
                + """bs":[{"id":0,"token":"","bytes":[],"logprob":-0.25},{"id":1,"token":"","by"""
                + """tes":[],"logprob":-3.4028234663852886e+38}]}]}""");
        });
        using IServerClient client = Talk.To("openai", server.Url);
        var scorer = (IPromptScorer)client;
        var identity = new ServerIdentity("llama-server b1", "m")
        { Facts = Facts("kind", "llama-server").Add("vocabulary", "2").Add("slots", "3") };
        var seen = new List<string>();

        Assert.True(scorer.CanScore(identity, rows: true).IsSupported);
        Assert.Equal(3, scorer.Lanes(identity));
        await scorer.ScoreAsync(new PromptToScore(identity, 2, new[] { 5, 6, 7, 8 }, 1, Rows: true),
            (position, next, row) => seen.Add($"{position}:{next} {row[0]} {row[1]}"), default);

        // What its float can't hold is the least that it can.
        Assert.Equal(["1:-7.5 -0.25 -103.28", "2:-8.5 -0.25 -103.28"], seen);
        Assert.Contains("\"prompt\":[5,6],", server.Requests[0], StringComparison.Ordinal);
        Assert.Contains("\"id_slot\":2", server.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Score_ReadsPromptLogprobs_OfVllm()
    {
        using var server = new WireServer((_, _) => WireServer.Answer("""{"id":"cmpl-1","choices":[{"index":0,"text":"x","prompt_log"""
            + """probs":[null,{"6":{"logprob":-1.5,"rank":2,"decoded_token":"a"},"9":{"logprob":-0.5,"rank":1,"decoded_toke"""
            + """n":"b"}},{"7":{"logprob":-2.25,"rank":1,"decoded_token":"c"}}]}]}"""));
        using IServerClient client = Talk.To("openai", server.Url);
        var scorer = (IPromptScorer)client;
        var identity = new ServerIdentity("vLLM 0.11.0", "m") { Facts = Facts("kind", "vllm") };
        var seen = new List<string>();

        await scorer.ScoreAsync(new PromptToScore(identity, 0, new[] { 5, 6, 7 }, 0, Rows: false),
            (at, next, _) => seen.Add($"{at}:{next}"), default);

        Assert.Equal(["0:-1.5", "1:-2.25"], seen);
        Assert.False(scorer.CanScore(identity, rows: true).IsSupported);
        Assert.Contains("isn't known to give", scorer.CanScore(new ServerIdentity("x", "m"), rows: false).Reason, StringComparison.Ordinal);
    }

    private static System.Collections.Immutable.ImmutableSortedDictionary<string, string> Facts(string key, string value) =>
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add(key, value);
}
