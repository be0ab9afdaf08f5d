using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using QuantBench.Core.Cells;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>HTTP as all clients speak it: failures by kind, bounded bodies, the key in every request and in no text.</summary>
internal sealed class ServerHttp : IDisposable
{
    private const int LongestError = 16 << 10;
    private const int LongestQuote = 300;

    private readonly ServerOptions _options;
    private readonly ServerKey? _key;

    /// <summary>Makes a connection pool; nothing is sent.</summary>
    /// <param name="address">The server.</param>
    /// <param name="options">Limits.</param>
    /// <param name="key">Its key; null = none.</param>
    public ServerHttp(ServerAddress address, ServerOptions options, ServerKey? key)
    {
        (_options, _key, Root) = (options, key, new Uri(address.Url + "/"));
        Client = new HttpClient(new SocketsHttpHandler
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
        { Timeout = Timeout.InfiniteTimeSpan, BaseAddress = Root };
        if (key is not null) Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Value);
    }

    /// <summary>The server's address, a slash at its end.</summary>
    public Uri Root { get; }

    /// <summary>What sends, for libraries that take one.</summary>
    public HttpClient Client { get; }

    /// <summary>A text without the key in it.</summary>
    public string Hide(string text) => _key?.Hide(text) ?? text;

    /// <summary>Sends a request and waits for the answer's head.</summary>
    /// <exception cref="ServerException">No connection, or another status than 2xx.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw Fault(e);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response)
        {
            byte[] body = await ReadAsync(response, LongestError, cancellationToken);
            int status = (int)response.StatusCode;
            throw new ServerException(
                status == 429 ? ServerFault.RateLimited : status >= 500 ? ServerFault.ServerError : ServerFault.Rejected,
                string.Create(CultureInfo.InvariantCulture, $"{request.RequestUri}: status {status}: {Quote(body)}"),
                status is 401 or 403 ? "Give the server's key in the environment: docs/serving.md says the variable's name." : null)
            { RetryAfter = RetryAfter(response) };
        }
    }

    /// <summary>The JSON that a path answers with; null when the server has no such path.</summary>
    /// <param name="uri">The path.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It fails otherwise, or isn't JSON.</exception>
    public async Task<(JsonDocument? Json, string Server)> GetAsync(Uri uri, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, uri);
            using HttpResponseMessage response = await SendAsync(request, cancellationToken);
            byte[] body = await ReadAsync(response, _options.LongestLine, cancellationToken);
            return (JsonDocument.Parse(body), Hide(response.Headers.Server.ToString()));
        }
        catch (ServerException e) when (e.Fault == ServerFault.Rejected)
        {
            return (null, "");
        }
        catch (JsonException e)
        {
            throw new ServerException(ServerFault.Malformed, $"{uri}: the answer isn't JSON", null, e);
        }
    }

    /// <summary>The beginning of an answer's body.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="most">Most bytes, about.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<byte[]> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[4096];
        using var body = new MemoryStream();
        try
        {
            await using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            for (int read; body.Length < most && (read = await stream.ReadAsync(buffer, cancellationToken)) > 0;)
                body.Write(buffer, 0, read);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // What came is said; that it was cut adds nothing to an error.
        }

        return body.ToArray();
    }

    /// <summary>The body of an answer, to be read as it comes.</summary>
    /// <exception cref="ServerException">The connection is gone.</exception>
    public static async Task<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancellationToken)
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

    /// <summary>Reads more of a reply.</summary>
    /// <returns>False at its end.</returns>
    /// <exception cref="ServerException">The connection broke.</exception>
    public static async ValueTask<bool> MoreAsync(LineReader lines, CancellationToken cancellationToken)
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

    /// <summary>A failure of sending, by kind.</summary>
    public static ServerException Fault(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError =>
            new ServerException(ServerFault.Unreachable, $"no connection: {(e.InnerException as SocketException ?? (Exception)e).Message}",
                "Start the server, or correct its address.", e),
        HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded =>
            new ServerException(ServerFault.Malformed, $"the answer isn't HTTP: {e.Message}", null, e),
        _ => new ServerException(ServerFault.Cut, $"the connection ended before an answer: {e.Message}", null, e),
    };

    /// <summary>A body for people: short, without the key.</summary>
    public string Quote(ReadOnlySpan<byte> body)
    {
        string text = Hide(Encoding.UTF8.GetString(body).Trim());
        return text.Length <= LongestQuote ? text : text[..LongestQuote] + " …";
    }

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when response.Headers.Date is { } now => date > now ? date - now : TimeSpan.Zero,
        _ => null,
    };
}
