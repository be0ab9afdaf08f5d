using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Polly;
using Polly.Retry;
using QuantBench.Core.Cells;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>HTTP as all clients speak it: failures by kind, bounded bodies, the key in every request and in no text.</summary>
internal sealed class ServerHttp : IDisposable
{
    private const int LongestError = 16 << 10;
    private const int LongestQuote = 300;
    private const int MostDrained = 4096;
    private const int SetUpRetries = 3;

    // A server that asks for more isn't to be measured now.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(1);

    private static readonly MediaTypeHeaderValue s_json = new("application/json");

    private readonly ServerOptions _options;
    private readonly ServerKey? _key;
    private readonly ResiliencePipeline _setUp;
    private readonly ConcurrentQueue<string> _retried = new();
    private long _resent;

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
            // The last chunk behind the end of a reply is read, so that its connection serves again; a flood isn't.
            MaxResponseDrainSize = MostDrained,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        })
        { Timeout = Timeout.InfiniteTimeSpan, BaseAddress = Root };
        _setUp = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = SetUpRetries,
            Delay = options.SetUpPause,
            BackoffType = DelayBackoffType.Exponential,
            ShouldHandle = new PredicateBuilder().Handle<ServerException>(MayPass),
            DelayGenerator = retry => ValueTask.FromResult((retry.Outcome.Exception as ServerException)?.RetryAfter),
            OnRetry = retry =>
            {
                _retried.Enqueue(string.Create(CultureInfo.InvariantCulture,
                    $"{retry.Outcome.Exception?.Message} (waited {retry.RetryDelay.TotalSeconds:0.0##} s)"));
                return ValueTask.CompletedTask;
            },
        }).Build();
        if (key is not null) Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Value);
    }

    /// <summary>The server's address, a slash at its end.</summary>
    public Uri Root { get; }

    /// <summary>What sends, for libraries that take one.</summary>
    public HttpClient Client { get; }

    /// <summary>A text without the key in it.</summary>
    public string Hide(string text) => _key?.Hide(text) ?? text;

    /// <summary>Requests that were sent a second time: the kept connection of the first was closed by the server meanwhile.</summary>
    public long Resent => Interlocked.Read(ref _resent);

    /// <summary>Failures behind which a call that sets up was tried again.</summary>
    public IReadOnlyCollection<string> Retried => _retried;

    /// <summary>Makes a call that sets up, never one that is measured: it is tried again where the failure may pass, after the time that
    /// the server asks for.</summary>
    /// <param name="call">The call; may be made several times.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It failed each time.</exception>
    public async Task<T> SetUpAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken) =>
        await _setUp.ExecuteAsync(async token => await call(token), cancellationToken);

    /// <summary>Sends a request and waits for the answer's head.</summary>
    /// <param name="uri">Where to.</param>
    /// <param name="body">JSON to post; null = get.</param>
    /// <param name="cancellationToken">Drops it.</param>
    /// <exception cref="ServerException">No connection, or another status than 2xx.</exception>
    public async Task<HttpResponseMessage> SendAsync(Uri uri, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await SendOnceAsync(uri, body, cancellationToken);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ResponseEnded or HttpRequestError.Unknown)
        {
            // A server may close a kept connection just when a request goes out on it, and HTTP has no way to tell: every client tries
            // once more. It is counted, and its time counts.
            Interlocked.Increment(ref _resent);
            try
            {
                response = await SendOnceAsync(uri, body, cancellationToken);
            }
            catch (HttpRequestException again)
            {
                throw Fault(again);
            }
        }
        catch (HttpRequestException e)
        {
            throw Fault(e);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response)
        {
            byte[] said = await ReadAsync(response, LongestError, cancellationToken);
            int status = (int)response.StatusCode;
            throw new ServerException(
                status == 429 ? ServerFault.RateLimited : status >= 500 ? ServerFault.ServerError : ServerFault.Rejected,
                string.Create(CultureInfo.InvariantCulture, $"{uri}: status {status}: {Quote(said)}"),
                status is 401 or 403 ? "Give the server's key in the environment: docs/serving.md says the variable's name." : null)
            { RetryAfter = RetryAfter(response) };
        }
    }

    /// <summary>The JSON that a path answers with, without the key in it; null when the server has no such path.</summary>
    /// <param name="uri">The path.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It fails otherwise, or isn't JSON.</exception>
    public async Task<(JsonDocument? Json, string Server)> GetAsync(Uri uri, CancellationToken cancellationToken)
    {
        try
        {
            return await SetUpAsync<(JsonDocument?, string)>(async token =>
            {
                using HttpResponseMessage response = await SendAsync(uri, null, token);
                byte[] body = await ReadAsync(response, _options.LongestLine, token);
                return (JsonDocument.Parse(Hide(Encoding.UTF8.GetString(body))), Hide(response.Headers.Server.ToString()));
            }, cancellationToken);
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
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
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
    public async Task<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancellationToken)
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
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // once for every token
    public async ValueTask<bool> MoreAsync(LineReader lines, CancellationToken cancellationToken)
    {
        try
        {
            return await lines.ReadAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new ServerException(ServerFault.Cut, $"the connection broke before the reply ended ({Hide(e.Message)})", null, e);
        }
    }

    /// <summary>A failure of sending, by kind.</summary>
    public ServerException Fault(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError =>
            new ServerException(ServerFault.Unreachable, $"no connection: {(e.InnerException as SocketException ?? (Exception)e).Message}",
                "Start the server, or correct its address.", e),
        HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded =>
            new ServerException(ServerFault.Malformed, $"the answer isn't HTTP: {Hide(e.Message)}", null, e),
        _ => new ServerException(ServerFault.Cut, $"the connection ended before an answer: {Hide(e.Message)}", null, e),
    };

    /// <summary>A body for people: short, without the key.</summary>
    public string Quote(ReadOnlySpan<byte> body)
    {
        string text = Hide(Encoding.UTF8.GetString(body).Trim());
        return text.Length <= LongestQuote ? text : text[..LongestQuote] + " …";
    }

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    private async Task<HttpResponseMessage> SendOnceAsync(Uri uri, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, uri);
        if (body is { } json) request.Content = new ReadOnlyMemoryContent(json) { Headers = { ContentType = s_json } };
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static bool MayPass(ServerException e) =>
        e.Fault is ServerFault.RateLimited or ServerFault.ServerError or ServerFault.Cut && !(e.RetryAfter > s_longestWait);

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when response.Headers.Date is { } now => date > now ? date - now : TimeSpan.Zero,
        _ => null,
    };
}
