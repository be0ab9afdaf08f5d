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
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience + wait);
        HttpResponseMessage response;
        try
        {
            response = await _client.SendAsync(request, patience.Token);
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
