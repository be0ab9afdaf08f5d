using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>Streaming chat completions over SSE, as OpenAI, vLLM, llama-server, mlx_lm.server, LM Studio and TGI speak them.</summary>
internal sealed class OpenAiClient : IServerClient
{
    private const int LongestError = 16 << 10;

    private static readonly MediaTypeHeaderValue s_json = new("application/json");

    private readonly HttpClient _http;
    private readonly Uri _chat;
    private readonly Uri _models;
    private readonly ServerOptions _options;

    /// <summary>Makes a client; an address without a path gets <c>/v1</c>.</summary>
    public OpenAiClient(ServerAddress address, ServerOptions options)
    {
        _options = options;
        string root = new Uri(address.Url).AbsolutePath == "/" ? address.Url + "/v1" : address.Url;
        (_chat, _models) = (new Uri(root + "/chat/completions"), new Uri(root + "/models"));
        _http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = options.MostConnections,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            // A server that ends a reply early isn't read to the end for its connection's sake.
            MaxResponseDrainSize = 0,
            ResponseDrainTimeout = TimeSpan.Zero,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <inheritdoc/>
    public async Task<ServerIdentity> InspectAsync(string? model, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _models);
        using HttpResponseMessage response = await SendAsync(request, cancellationToken);
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        byte[] body = await ReadSomeAsync(stream, _options.LongestLine, cancellationToken);
        string[] names;
        try
        {
            using JsonDocument json = JsonDocument.Parse(body);
            names = [.. json.RootElement.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString() ?? "")];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ServerException(ServerFault.Malformed, $"{_models}: the list of models isn't one", null, e);
        }

        string server = response.Headers.Server.ToString();
        if (model is null && names is [var only]) model = only;
        if (model is null || !names.Contains(model))
        {
            throw new ServerException(ServerFault.Rejected,
                $"{_models}: the server has {(model is null ? "several models" : $"no model '{model}'")}, but {string.Join(", ", names)}");
        }

        return new ServerIdentity(server.Length > 0 ? server : "not said", model);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ReplyPart> GenerateAsync(
        ServerRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, _chat) { Content = Body(request) };
        using HttpResponseMessage response = await SendAsync(message, cancellationToken);
        await using Stream stream = await OpenAsync(response, cancellationToken);
        using var lines = new LineReader(stream, _options.LongestLine);
        var chunk = new OpenAiChunk();
        string end = "";
        bool done = false;
        while (!done)
        {
            while (!lines.TryNext())
            {
                if (await MoreAsync(lines, cancellationToken)) continue;
                throw new ServerException(ServerFault.Cut, "the connection ended before the reply did");
            }

            ReadOnlyMemory<byte> line = lines.Line;
            if (!line.Span.StartsWith("data:"u8)) continue; // comments, names of events, empty lines
            line = line[5..];
            if (line.Span.Trim((byte)' ').SequenceEqual("[DONE]"u8)) break;
            chunk.Read(line.Span);
            if (chunk.Error is { } error) throw new ServerException(ServerFault.ServerError, $"the server says: {error}");
            if (chunk.Reasoning is { Length: > 0 } thought) yield return new ReplyPart(ReplyKind.Reasoning, thought, 1);
            if (chunk.Text is { Length: > 0 } text) yield return new ReplyPart(ReplyKind.Token, text, 1);
            if (chunk.Usage is { } usage) yield return new ReplyPart(ReplyKind.Usage, "", 0, Usage: usage);
            if (chunk.Finish is { } finish) end = finish;
        }

        yield return new ReplyPart(ReplyKind.End, end, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static ReadOnlyMemoryContent Body(ServerRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model"u8, request.Model);
            writer.WriteStartArray("messages"u8);
            foreach (ServerMessage turn in request.Messages)
            {
                writer.WriteStartObject();
                writer.WriteString("role"u8, turn.Role);
                writer.WriteString("content"u8, turn.Text);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
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

        return new ReadOnlyMemoryContent(buffer.WrittenMemory) { Headers = { ContentType = s_json } };
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw Fault(e);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response)
        {
            await using Stream stream = await OpenAsync(response, cancellationToken);
            byte[] body = await ReadSomeAsync(stream, LongestError, cancellationToken);
            int status = (int)response.StatusCode;
            throw new ServerException(
                status == 429 ? ServerFault.RateLimited : status >= 500 ? ServerFault.ServerError : ServerFault.Rejected,
                string.Create(CultureInfo.InvariantCulture, $"{request.RequestUri}: status {status}: {Quote(body)}"))
            { RetryAfter = response.Headers.RetryAfter?.Delta };
        }
    }

    private static string Quote(byte[] body)
    {
        string text = Encoding.UTF8.GetString(body).Trim();
        return text.Length <= 300 ? text : text[..300] + " …";
    }

    private static async Task<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadAsStreamAsync(cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw Fault(e);
        }
    }

    private static async ValueTask<bool> MoreAsync(LineReader lines, CancellationToken cancellationToken)
    {
        try
        {
            return await lines.ReadAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new ServerException(ServerFault.Cut, $"the connection broke before the reply ended ({e.Message})", null, e);
        }
    }

    private static async Task<byte[]> ReadSomeAsync(Stream stream, int most, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[4096];
        using var body = new MemoryStream();
        try
        {
            for (int read; body.Length < most && (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
                body.Write(buffer, 0, read);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // What came is said; that it was cut adds nothing to an error.
        }

        return body.ToArray();
    }

    private static ServerException Fault(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError =>
            new ServerException(ServerFault.Unreachable, $"no connection: {(e.InnerException as SocketException ?? (Exception)e).Message}",
                "Start the server, or correct its address.", e),
        HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded =>
            new ServerException(ServerFault.Malformed, $"the answer isn't HTTP: {e.Message}", null, e),
        _ => new ServerException(ServerFault.Cut, $"the connection ended before an answer: {e.Message}", null, e),
    };
}
