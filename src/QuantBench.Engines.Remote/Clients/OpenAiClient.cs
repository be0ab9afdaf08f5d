using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>Streaming completions over SSE, of chats and of plain texts, as OpenAI, vLLM, llama-server, mlx_lm.server, LM Studio and TGI
/// speak them.</summary>
internal sealed class OpenAiClient : IServerClient, IPromptScorer
{
    private readonly ServerHttp _http;
    private readonly OpenAiInspector _inspector;
    private readonly Uri _chat;
    private readonly Uri _raw;
    private readonly ServerOptions _options;

    /// <summary>Makes a client; an address without a path gets <c>/v1</c>.</summary>
    public OpenAiClient(ServerAddress address, ServerOptions options, ServerKey? key)
    {
        _options = options;
        _http = new ServerHttp(address, options, key);
        string root = _http.Root.AbsolutePath == "/" ? address.Url + "/v1" : address.Url;
        _chat = new Uri(root + "/chat/completions");
        _raw = new Uri(root + "/completions");
        _inspector = new OpenAiInspector(_http, new Uri(root + "/"));
    }

    /// <inheritdoc/>
    public Task<ServerIdentity> InspectAsync(string? model, CancellationToken cancellationToken) =>
        _inspector.InspectAsync(model, cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ReplyPart> GenerateAsync(
        ServerRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _http.SendAsync(request.Prompt is null ? _chat : _raw, Body(request), cancellationToken);
        if (response.Content.Headers.ContentType?.MediaType is "application/json")
            throw await NotAStreamAsync(response, cancellationToken);
        await using Stream stream = await _http.OpenAsync(response, cancellationToken);
        using var lines = new LineReader(stream, _options.LongestLine);
        var chunk = new OpenAiChunk();
        string? end = null;
        ServerUsage? usage = null;
        ServerTimings? timings = null;
        while (true)
        {
            if (!lines.TryNext())
            {
                if (await _http.MoreAsync(lines, cancellationToken)) continue;
                // TGI before 2.3 and others end without [DONE]: what says why it ended is whole.
                if (end is not null && !lines.HasRest) break;
                throw new ServerException(ServerFault.Cut, "the connection ended before the reply did");
            }

            ReadOnlyMemory<byte> line = lines.Line;
            if (!line.Span.StartsWith("data:"u8)) continue; // comments that keep the connection alive, names of events, empty lines
            line = line[5..];
            if (line.Span.Trim((byte)' ').SequenceEqual("[DONE]"u8)) break;
            chunk.Read(line.Span);
            if (chunk.Error is { } error) throw new ServerException(ServerFault.ServerError, $"the server says: {_http.Hide(error)}");
            if (chunk.Model is { Length: > 0 } model) _inspector.Check(request.Model, _http.Hide(model));
            if (chunk.Reasoning is { Length: > 0 } thought) yield return new ReplyPart(ReplyKind.Reasoning, thought, 1);
            if (chunk.Text is { Length: > 0 } text) yield return new ReplyPart(ReplyKind.Token, text, 1);
            // Some count in every chunk: the last count is the reply's.
            (end, usage, timings) = (chunk.Finish ?? end, chunk.Usage ?? usage, chunk.Timings ?? timings);
        }

        if (usage is not null) yield return new ReplyPart(ReplyKind.Usage, "", 0, Usage: usage);
        if (timings is not null) yield return new ReplyPart(ReplyKind.Timings, "", 0, Timings: timings);
        yield return new ReplyPart(ReplyKind.End, end ?? "", 0);
    }

    /// <inheritdoc/>
    public Task<ServerCounters?> CountAsync(ServerIdentity server, CancellationToken cancellationToken) =>
        new OpenAiCounters(_http, _inspector.Root, Math.Max(4 << 20, _options.LongestLine)).ReadAsync(server, cancellationToken);

    /// <inheritdoc/>
    public Support CanScore(ServerIdentity server, bool rows) => OpenAiScorer.CanScore(server, rows);

    /// <inheritdoc/>
    public int Lanes(ServerIdentity server) => OpenAiScorer.Lanes(server);

    /// <inheritdoc/>
    public Task ScoreAsync(PromptToScore prompt, ScorePrompt handle, CancellationToken cancellationToken) =>
        new OpenAiScorer(_http, _inspector.Root, _options).ScoreAsync(prompt, handle, cancellationToken);

    /// <inheritdoc/>
    public long Resent => _http.Resent;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Retried => _http.Retried;

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static ReadOnlyMemory<byte> Body(ServerRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            JsonFields.WriteAsked(writer, request);
            if (request.Stop is { } stop)
            {
                writer.WriteStartArray("stop"u8);
                writer.WriteStringValue(stop);
                writer.WriteEndArray();
            }

            writer.WriteNumber("max_tokens"u8, request.MaxTokens);
            writer.WriteNumber("temperature"u8, request.Temperature);
            if (request.Seed is { } seed) writer.WriteNumber("seed"u8, seed);
            if (request.IgnoreStop) writer.WriteBoolean("ignore_eos"u8, true);
            writer.WriteBoolean("stream"u8, true);
            writer.WriteStartObject("stream_options"u8);
            writer.WriteBoolean("include_usage"u8, true);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    // Status 200, but no stream: an error, or a server that ignores "stream".
    private async Task<ServerException> NotAStreamAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        byte[] body = await ServerHttp.ReadAsync(response, _options.LongestLine, cancellationToken);
        var chunk = new OpenAiChunk();
        chunk.Read(body);
        return chunk.Error is { } error
            ? new ServerException(ServerFault.ServerError, $"the server says under status 200: {_http.Hide(error)}")
            : new ServerException(ServerFault.Malformed, chunk.IsWhole
                ? "the server answered with a whole completion instead of a stream: its tokens can't be timed"
                : $"the answer is no stream: {_http.Quote(body)}");
    }
}
