using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Errors;

namespace QuantBench.Lab.Agents.Edge;

/// <summary>
/// An agent's way to its server: always from here to there. What can't be reached or is busy throws <see cref="HttpRequestException"/> and
/// is worth another try; what the server refuses throws <see cref="RequestException"/> with its words, a key that it doesn't let in
/// <see cref="KeyException"/>.
/// </summary>
public sealed class AgentLink : IDisposable
{
    private const int WorthPacking = 4096;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly HttpClient _client;

    /// <summary>Makes a link.</summary>
    /// <param name="server">The server.</param>
    /// <param name="key">The key.</param>
    /// <exception cref="RequestException">The key isn't one.</exception>
    public AgentLink(Uri server, string key)
    {
        ArgumentNullException.ThrowIfNull(server);
        if (string.IsNullOrWhiteSpace(key) || key.Any(c => char.IsControl(c) || c > 126))
            throw new RequestException("the key file holds no key.", "Make one on the server: quantbench keys add MACHINE --role agent");
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(10) })
        {
            BaseAddress = new Uri(server, "/api/v1/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>Sends a message and reads the answer.</summary>
    /// <typeparam name="TMessage">What is sent.</typeparam>
    /// <typeparam name="TAnswer">What is answered.</typeparam>
    /// <param name="path">Path under the API's root.</param>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <param name="wait">How long the server may take over it, beside the usual.</param>
    /// <returns>Null when the server has nothing to say.</returns>
    public async Task<TAnswer?> PostAsync<TMessage, TAnswer>(string path, TMessage message, CancellationToken cancellationToken,
        TimeSpan wait = default)
        where TAnswer : class
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(message, Json.Line);
        using var content = new ByteArrayContent(json.Length < WorthPacking ? json : Pack(json));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (json.Length >= WorthPacking) content.Headers.ContentEncoding.Add("gzip");
        using HttpResponseMessage response = await SendAsync(HttpMethod.Post, path, content, cancellationToken, wait);
        return response.StatusCode == HttpStatusCode.NoContent ? null
            : await response.Content.ReadFromJsonAsync<TAnswer>(Json.Line, cancellationToken);
    }

    /// <summary>Sends a request.</summary>
    /// <param name="method">Its method.</param>
    /// <param name="path">Path under the API's root.</param>
    /// <param name="content">Its body; null = none.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <param name="wait">How long the server may take over it, beside the usual.</param>
    /// <returns>An answer that says that all is well.</returns>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content,
        CancellationToken cancellationToken, TimeSpan wait = default)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        return await SendAsync(request, HttpCompletionOption.ResponseContentRead, wait, cancellationToken);
    }

    /// <summary>Asks for something.</summary>
    /// <typeparam name="TAnswer">What is answered.</typeparam>
    /// <param name="path">Path under the API's root.</param>
    /// <param name="wait">How long the server may take over it, beside the usual.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<TAnswer?> GetAsync<TAnswer>(string path, TimeSpan wait, CancellationToken cancellationToken)
        where TAnswer : class
    {
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, path, null, cancellationToken, wait);
        return await response.Content.ReadFromJsonAsync<TAnswer>(Json.Line, cancellationToken);
    }

    /// <summary>Copies the rest of something to the end of a stream; what came before the link broke is there.</summary>
    /// <param name="path">Path under the API's root.</param>
    /// <param name="from">Bytes that are here.</param>
    /// <param name="count">Bytes that are wanted.</param>
    /// <param name="output">Receives them.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task CopyAsync(string path, long from, long count, Stream output, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
        using HttpResponseMessage response = await SendAsync(request, HttpCompletionOption.ResponseHeadersRead, default, cancellationToken);
        if (from > 0 && response.StatusCode != HttpStatusCode.PartialContent)
            throw new HttpRequestException("the server doesn't go on in the middle of a file");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        byte[] part = new byte[1 << 18];
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
            while (count > 0)
            {
                patience.CancelAfter(s_patience); // of silence; a large file may take a day
                int got = await body.ReadAsync(part.AsMemory(0, (int)Math.Min(part.Length, count)), patience.Token);
                if (got == 0) throw new HttpRequestException("the link broke in the middle of a file");
                await output.WriteAsync(part.AsMemory(0, got), cancellationToken);
                count -= got;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException("the server fell silent in the middle of a file");
        }
        catch (HttpIOException e)
        {
            throw new HttpRequestException(e.Message, e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption until, TimeSpan wait,
        CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience + wait);
        HttpResponseMessage response;
        try
        {
            response = await _client.SendAsync(request, until, patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException("the server doesn't answer");
        }
        catch (IOException e)
        {
            throw new HttpRequestException(e.Message, e);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response)
        {
            (string? what, string? hint) = await ReadProblemAsync(response, cancellationToken);
            throw (int)response.StatusCode switch
            {
                401 => new KeyException("the server doesn't know this key, or it was revoked.",
                    "Make one on the server: quantbench keys add MACHINE --role agent"),
                403 => new KeyException("the server doesn't let this key do that.", "An agent needs a key of the role 'agent'."),
                408 or 429 or >= 500 => new HttpRequestException(what ?? $"the server answered {(int)response.StatusCode}", null,
                    response.StatusCode),
                _ => new RequestException(what ?? $"the server answered {(int)response.StatusCode}.", hint),
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static byte[] Pack(byte[] json)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(json);
        return packed.ToArray();
    }

    // RFC 9457, or whatever a proxy in between writes.
    private static async Task<(string? What, string? Hint)> ReadProblemAsync(HttpResponseMessage response,
        CancellationToken cancellationToken)
    {
        try
        {
            string text = await response.Content.ReadAsStringAsync(cancellationToken);
            using JsonDocument document = JsonDocument.Parse(text);
            return (Text("detail"), Text("hint"));

            string? Text(string name) => document.RootElement.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or HttpRequestException or IOException)
        {
            return (null, null);
        }
    }
}
