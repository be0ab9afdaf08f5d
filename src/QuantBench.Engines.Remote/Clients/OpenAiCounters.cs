using System.Text;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// A server's counters from its <c>/metrics</c>: vLLM's 0.6 to 0.11 (docs/design/metrics.md; <c>inter_token_latency_seconds</c> was
/// <c>time_per_output_token_seconds</c> before 0.11, <c>prefix_cache_hits</c> was <c>gpu_prefix_cache_hits</c> before 0.9), and
/// llama-server's, where it was started with <c>--metrics</c> (tools/server/README.md).
/// </summary>
/// <param name="http">The server.</param>
/// <param name="root">Its root.</param>
/// <param name="longest">Most bytes of the text.</param>
internal sealed class OpenAiCounters(ServerHttp http, Uri root, int longest)
{
    /// <summary>Reads them; null when the server has none or doesn't tell.</summary>
    /// <param name="server">What it runs.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ServerCounters?> ReadAsync(ServerIdentity server, CancellationToken cancellationToken)
    {
        string? kind = server.Facts.GetValueOrDefault(OpenAiInspector.Kind);
        if (kind is not (OpenAiInspector.Vllm or OpenAiInspector.LlamaServer)) return null;
        try
        {
            using HttpResponseMessage response = await http.SendAsync(new Uri(root, "metrics"), null, cancellationToken);
            var text = new PrometheusText(Encoding.UTF8.GetString(await ServerHttp.ReadAsync(response, longest, cancellationToken)));
            return kind == OpenAiInspector.Vllm ? Vllm(text, server.Model) : LlamaServer(text, server.Model);
        }
        catch (ServerException)
        {
            return null; // switched off, which a load doesn't mind
        }
    }

    private static ServerCounters Vllm(PrometheusText text, string model)
    {
        return new ServerCounters
        {
            Requests = One("request_success_total"),
            PromptTokens = One("prompt_tokens_total"),
            CachedTokens = One("prefix_cache_hits_total") ?? One("gpu_prefix_cache_hits_total"),
            GeneratedTokens = One("generation_tokens_total"),
            FirstToken = Times("time_to_first_token_seconds"),
            TokenGap = Times("inter_token_latency_seconds") ?? Times("time_per_output_token_seconds"),
            Queue = Times("request_queue_time_seconds"),
        };

        double? One(string name) => text.Sum(name, model);

        ServerSum? Times(string name) =>
            One($"{name}_sum") is { } seconds && One($"{name}_count") is { } count ? new ServerSum(seconds, count) : null;
    }

    private static ServerCounters LlamaServer(PrometheusText text, string model)
    {
        double? generated = One("tokens_predicted_total");
        // Its prompt tokens are those that it computed; older ones don't count the others.
        double? cached = One("prompt_tokens_cached_total");
        return new ServerCounters
        {
            PromptTokens = One("prompt_tokens_total") + (cached ?? 0),
            CachedTokens = cached,
            GeneratedTokens = generated,
            TokenGap = One("tokens_predicted_seconds_total") is { } seconds && generated is { } count
                ? new ServerSum(seconds, count) : null,
        };

        double? One(string name) => text.Sum(name, model);
    }
}
