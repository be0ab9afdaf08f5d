using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Engines.Remote.Tests.Clients;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Tasks;

namespace QuantBench.Engines.Remote.Tests.Load;

/// <summary>Tasks on servers: what is asked of them, and what is made of their answers.</summary>
public sealed class ServedTaskTests
{
    private static readonly TaskSet s_sums = TaskSet.Of(
    [
        new TaskItem("one", "sum") { Prompt = "1+1=", Answers = ["2"] },
        new TaskItem("two", "sum") { Prompt = "1+2=", Answers = ["3"] },
        new TaskItem("three", "sum") { Prompt = "1+3=", Answers = ["5"] },
    ]);

    private static readonly TaskSet s_choices = TaskSet.Of(
        [new TaskItem("one", "choice") { Choices = [new TaskChoice("a", "b"), new TaskChoice("a", "c")], Gold = 1 }]);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Evaluate_AsksForPlainCompletions(int concurrency)
    {
        using var server = new WireServer((path, body) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"data":[{"id":"m"}]}"""),
            "/v1/completions" => WireServer.Stream(Completion(Sum(body) + "\\nQuestion")),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });

        EvaluationResult result = Measure("openai", server.Url, s_sums, ("concurrency", (long)concurrency));

        Assert.Equal([1.0, 1, 0], result.Metrics.Single(m => m.Name == "task_accuracy").Samples!);
        Assert.Equal("m", result.Provenance["server_model"]);
        string request = server.Requests.First(r => r.StartsWith("POST /v1/completions", StringComparison.Ordinal));
        Assert.Contains("""=","stop":["\n"],"max_tokens":32,"temperature":0,"seed":1,"stream":true""", request, StringComparison.Ordinal);
        Assert.DoesNotContain("messages", request, StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_AsksOllamaForRawText()
    {
        using WireServer server = Ollama();

        EvaluationResult result = Measure("ollama", server.Url, s_sums);

        Assert.Equal([1.0, 1, 0], result.Metrics.Single(m => m.Name == "task_accuracy").Samples!);
        string request = server.Requests.First(r => r.Contains("\"prompt\":", StringComparison.Ordinal));
        Assert.StartsWith("POST /api/generate", request, StringComparison.Ordinal);
        Assert.Contains(""""raw":true,"stream":true,"options":{"num_predict":32,"temperature":0,"seed":1,"stop":["\n"]}"""", request,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_LetsTheServerPutItsTemplateAroundChats()
    {
        using var server = new WireServer((path, body) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"data":[{"id":"m"}]}"""),
            "/v1/chat/completions" => WireServer.Stream($"data: {{\"choices\":[{{\"delta\":{{\"content\":\"\\n {Sum(body)}\"}}}}]}}\n\n"
                + "data: {\"choices\":[{\"delta\":{\"content\":\"\\nand more\"}}]}\n\ndata: [DONE]\n\n"),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });

        EvaluationResult result = Measure("openai", server.Url, s_sums, ("prompting", "chat"));

        Assert.Equal([1.0, 1, 0], result.Metrics.Single(m => m.Name == "task_accuracy").Samples!);
        Assert.Contains(server.Requests, r => r.Contains("\"messages\":[{\"role\":\"user\",\"content\":\"1", StringComparison.Ordinal));
    }

    [Fact]
    public void Evaluate_AsksAgain_WhereTheFailureMayPass_AndSaysSo()
    {
        int asked = 0;
        using var server = new WireServer((path, body) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"data":[{"id":"m"}]}"""),
            "/v1/completions" when ++asked == 2 => WireServer.Answer("busy", status: "429 Too Many Requests", head: "Retry-After: 0\r\n"),
            "/v1/completions" => WireServer.Stream(Completion($"{Sum(body)}")),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });

        EvaluationResult result = Measure("openai", server.Url, s_sums);

        Assert.Equal(3L, result.Metrics.Single(m => m.Name == "task_accuracy").N);
        string note = result.Notes.Single(n => n.StartsWith("1 requests were sent again", StringComparison.Ordinal));
        Assert.Contains("429", note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("400 Bad Request", ServerFault.Rejected, 1)] // no use in asking again
    [InlineData("503 Service Unavailable", ServerFault.ServerError, 4)]
    public void Evaluate_FailsWithTheItem_WhenARequestFailsForGood(string status, ServerFault fault, int tries)
    {
        using var server = new WireServer((path, _) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"data":[{"id":"m"}]}"""),
            "/v1/completions" => WireServer.Answer("no", status: status, head: "Retry-After: 0\r\n"),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });

        ServerException e = Assert.Throws<ServerException>(() => Measure("openai", server.Url, s_sums));

        Assert.Equal(fault, e.Fault);
        Assert.Contains("item 1 (one)", e.Message, StringComparison.Ordinal);
        Assert.Equal(tries, server.Requests.Count(r => r.StartsWith("POST /v1/completions", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("never", ServerFault.Timeout, "wasn't complete after 1 s")]
    [InlineData("stall", ServerFault.Stalled, "nothing came for 0.5 s")]
    [InlineData("flood", ServerFault.Flooded, "came")]
    [InlineData("malformed", ServerFault.Malformed, "isn't JSON")]
    public void Evaluate_EndsInItsTime_WhateverTheServerDoes(string kind, ServerFault fault, string words)
    {
        using var stub = new StubProcess("first=2", "gap=1", $"fault={kind}", "after=0");

        // A busy machine may keep a reply waiting for longer than a short limit: each kind has its own.
        ServerException e = Assert.Throws<ServerException>(() => Measure("openai", stub.Url, s_sums,
            ("request_timeout", kind == "never" ? 1.0 : 60.0), ("stall_timeout", kind == "stall" ? 0.5 : 60.0), ("stop", "never said")));

        Assert.Equal(fault, e.Fault);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_ScoresChoices_WhereTheServerTellsLogProbabilities()
    {
        using var server = new WireServer((path, body) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"data":[{"id":"m","owned_by":"vllm"}]}"""),
            "/version" => WireServer.Answer("""{"version":"0.11.0"}"""),
            "/v1/completions" => WireServer.Answer("{\"choices\":[{\"prompt_logprobs\":[null,{"
                + (body.Contains("[0,1]", StringComparison.Ordinal) ? "\"1\":{\"logprob\":-3.5}" : "\"2\":{\"logprob\":-0.5}")
                + "}]}]}"),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });

        EvaluationResult result = Measure("openai", server.Url, s_choices, tokens: TaskTokens.Make(s_choices, new Letters()));

        Assert.Equal(1, result.Metrics.Single(m => m.Name == "task_accuracy").Value);
    }

    [Fact]
    public void Evaluate_RefusesChoices_WhereNobodyTellsTokensOrLogProbabilities()
    {
        using WireServer ollama = Ollama();
        using var vllm = new WireServer((path, _) => path switch
        {
            "/v1/models" => WireServer.Answer("""{"data":[{"id":"m","owned_by":"vllm"}]}"""),
            "/version" => WireServer.Answer("""{"version":"0.11.0"}"""),
            _ => WireServer.Answer("", status: "404 Not Found"),
        });

        UnsupportedException none = Assert.Throws<UnsupportedException>(() =>
            Measure("ollama", ollama.Url, s_choices, tokens: TaskTokens.Make(s_choices, new Letters())));
        UnsupportedException unknown = Assert.Throws<UnsupportedException>(() => Measure("openai", vllm.Url, s_choices));

        Assert.Contains("tells no log-probabilities", none.Message, StringComparison.Ordinal);
        Assert.Contains("how the model's text is tokenized", unknown.Message, StringComparison.Ordinal);
    }

    private static EvaluationResult Measure(string protocol, string url, TaskSet set, params (string Key, object Value)[] settings) =>
        Measure(protocol, url, set, null, settings);

    private static EvaluationResult Measure(string protocol, string url, TaskSet set, TaskTokens? tokens,
        params (string Key, object Value)[] settings)
    {
        using var engine = new RemoteEngine();
        using var machine = new MachineProbe(TimeProvider.System);
        // The stub's model has a name of its own; only its cells have a stop.
        string variant = settings.Any(s => s.Key == "stop") ? "served:stub:q4_0" : "served:m";
        var context = new EvaluationContext
        {
            Cell = new Cell("m", Variant.Parse(variant), new BackendId(RemoteEngine.EngineName, $"{protocol}@{url}"), "task",
                settings.Aggregate(CellSettings.Empty, (s, p) => s.With(p.Key, p.Value))),
            Engine = engine,
            Task = new TaskInput(set, tokens),
            Clock = TimeProvider.System,
            Machine = machine,
            Progress = new Progress<EvaluationProgress>(),
        };
        return new TaskEvaluator().Evaluate(context, CancellationToken.None);
    }

    private static WireServer Ollama() => new((path, body) => path switch
    {
        "/api/version" => WireServer.Answer("""{"version":"0.13.1"}"""),
        "/api/show" => WireServer.Answer("""{"details":{"quantization_level":"Q4_K_M"},"model_info":{}}"""),
        "/api/generate" when body.Contains("\"prompt\":", StringComparison.Ordinal) => WireServer.Stream(
            $$"""{"model":"m","response":" {{Sum(body)}}","done":false}""" + "\n"
                + """{"model":"m","response":"","done":true,"done_reason":"stop"}""" + "\n",
            "application/x-ndjson"),
        "/api/generate" => WireServer.Answer("""{"model":"m","response":"","done":true,"done_reason":"load"}"""),
        "/api/ps" => WireServer.Answer("""{"models":[{"name":"m:latest","model":"m:latest","size":5,"digest":"d","details":{}}]}"""),
        _ => WireServer.Answer("", status: "404 Not Found"),
    });

    private static string Completion(string text) =>
        $$"""data: {"choices":[{"text":" {{text}}","finish_reason":null}]}""" + "\n\n"
            + """data: {"choices":[{"text":"","finish_reason":"stop"}]}""" + "\n\ndata: [DONE]\n\n";

    private static int Sum(string body)
    {
        JsonElement root = JsonDocument.Parse(body).RootElement;
        JsonElement prompt = root.TryGetProperty("prompt", out JsonElement raw) ? raw
            : root.GetProperty("messages")[0].GetProperty("content");
        return (prompt.GetString()![0] - '0') + (prompt.GetString()![2] - '0');
    }

    private sealed class Letters : ITextTokenizer
    {
        public string Sha256 => "letters";

        public int VocabularySize => 26;

        public int? BosToken => null;

        public int[] Encode(string text) => [.. text.Select(c => c - 'a')];

        public int ByteLength(int token) => 1;
    }
}
