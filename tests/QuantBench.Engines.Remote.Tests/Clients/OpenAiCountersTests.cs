using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Engines.Remote.Clients;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Tests.Clients;

/// <summary>Counters as vLLM 0.11.0 and 0.8.5 and llama-server write them, after their documented names.</summary>
public sealed class OpenAiCountersTests
{
    private const string Vllm11 = """
        # HELP vllm:prompt_tokens_total Number of prefill tokens processed.
        # TYPE vllm:prompt_tokens_total counter
        vllm:prompt_tokens_total{engine="0",model_name="org/m"} 1.2e+03
        vllm:prompt_tokens_total{engine="1",model_name="org/m"} 300.0
        vllm:prompt_tokens_total{engine="0",model_name="org/other"} 77.0
        vllm:prompt_tokens_created{engine="0",model_name="org/m"} 1.7e+09
        vllm:generation_tokens_total{engine="0",model_name="org/m"} 640.0
        vllm:prefix_cache_queries_total{engine="0",model_name="org/m"} 1500.0
        vllm:prefix_cache_hits_total{engine="0",model_name="org/m"} 64.0
        vllm:request_success_total{engine="0",finished_reason="stop",model_name="org/m"} 3.0
        vllm:request_success_total{engine="0",finished_reason="length",model_name="org/m"} 7.0
        vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="org/m"} 0.0
        vllm:time_to_first_token_seconds_count{engine="0",model_name="org/m"} 10.0
        vllm:time_to_first_token_seconds_sum{engine="0",model_name="org/m"} 0.5
        vllm:time_per_output_token_seconds_count{engine="0",model_name="org/m"} 1.0
        vllm:time_per_output_token_seconds_sum{engine="0",model_name="org/m"} 9.0
        vllm:inter_token_latency_seconds_count{engine="0",model_name="org/m"} 630.0
        vllm:inter_token_latency_seconds_sum{engine="0",model_name="org/m"} 6.3
        vllm:request_queue_time_seconds_count{engine="0",model_name="org/m"} 10.0
        vllm:request_queue_time_seconds_sum{engine="0",model_name="org/m"} 0.02
        """;

    private const string Vllm08 = """
        vllm:prompt_tokens_total{model_name="org/m"} 100.0
        vllm:gpu_prefix_cache_hits_total{model_name="org/m"} 32.0
        vllm:time_per_output_token_seconds_sum{model_name="org/m"} 2.0
        vllm:time_per_output_token_seconds_count{model_name="org/m"} 100.0
        """;

    private const string Llama = """
        # HELP llamacpp:prompt_tokens_total Number of prompt tokens processed, excluding cached tokens
        # TYPE llamacpp:prompt_tokens_total counter
        llamacpp:prompt_tokens_total 90
        llamacpp:prompt_tokens_cached_total 10
        llamacpp:prompt_seconds_total 0.9
        llamacpp:tokens_predicted_total 50
        llamacpp:tokens_predicted_seconds_total 0.25
        llamacpp:requests_processing 0
        """;

    [Theory]
    [InlineData("vllm", Vllm11, "10 1500 64 640 ttft 50 itl 10 queue 2")]
    [InlineData("vllm", Vllm08, " 100 32  ttft  itl 20 queue ")]
    [InlineData("llama-server", Llama, " 100 10 50 ttft  itl 5 queue ")]
    // before it counted cached tokens
    [InlineData("llama-server", "llamacpp:prompt_tokens_total 90\nllamacpp:tokens_predicted_total 50\n", " 90  50 ttft  itl  queue ")]
    [InlineData("vllm", "vllm:prompt_tokens_total{model_name=\"org/m\"} NaN\nvllm:generation_tokens_total", "    ttft  itl  queue ")]
    [InlineData("vllm", "<html>{\"}\nvllm:prompt_tokens_total{ 5", "    ttft  itl  queue ")]
    public async Task Count_ReadsWhatServersDocument(string kind, string text, string expected)
    {
        using var server = new WireServer((_, _) => WireServer.Answer(text, "text/plain; version=0.0.4"));
        using IServerClient client = Talk.To("openai", server.Url);

        ServerCounters? found = await client.CountAsync(Identity(kind), default);

        Assert.NotNull(found);
        Assert.Equal(expected, string.Create(CultureInfo.InvariantCulture,
            $"{found.Requests} {found.PromptTokens} {found.CachedTokens} {found.GeneratedTokens} ttft {found.FirstToken?.MeanMs:0.###} itl "
                + $"{found.TokenGap?.MeanMs:0.###} queue {found.Queue?.MeanMs:0.###}"));
        Assert.StartsWith("GET /metrics ", server.Requests.Single(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama-server", "501 Not Implemented", 1)] // started without --metrics
    [InlineData("vllm", "404 Not Found", 1)]
    [InlineData("tgi", "200 OK", 0)] // nobody asks
    public async Task Count_IsNothing_WhereThereIsNone_AndFailsNothing(string kind, string status, int asked)
    {
        using var server = new WireServer((_, _) => WireServer.Answer("{}", status: status));
        using IServerClient client = Talk.To("openai", server.Url);

        Assert.Null(await client.CountAsync(Identity(kind), default));
        Assert.Equal(asked, server.Requests.Count);
        Assert.Empty(client.Retried);
    }

    [Fact]
    public void Since_IsNothing_OfACounterThatBeganAnew()
    {
        ServerCounters before = new() { Requests = 10, GeneratedTokens = 100, FirstToken = new(5, 10), TokenGap = new(1, 90) };
        ServerCounters after = new() { Requests = 2, GeneratedTokens = 130, FirstToken = new(1, 2), TokenGap = new(2, 120) };

        ServerCounters added = after.Since(before);

        Assert.Equal((null, 30, null), (added.Requests, added.GeneratedTokens, added.FirstToken));
        Assert.Equal(1000 / 30.0, added.TokenGap!.Value.MeanMs!.Value, 9);
        Assert.Null(new ServerSum(0, 0).MeanMs);
    }

    private static ServerIdentity Identity(string kind) =>
        new("x", "org/m") { Facts = ImmutableSortedDictionary<string, string>.Empty.Add(OpenAiInspector.Kind, kind) };
}
