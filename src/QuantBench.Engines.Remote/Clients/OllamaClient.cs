using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using OllamaSharp;
using OllamaSharp.Models;
using OllamaSharp.Models.Exceptions;
using QuantBench.Core.Cells;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// Ollama's own protocol, which tells times and what is loaded. Models are asked for through OllamaSharp; streams are read here, because
/// OllamaSharp 5.5 takes an error line and a cut stream for the end of an answer.
/// </summary>
internal sealed class OllamaClient : IServerClient, IModelKeeper
{
    private const string LatestTag = ":latest";

    private readonly ServerHttp _http;
    private readonly ServerOptions _options;
    private readonly OllamaApiClient _api;
    private readonly Uri _chat;
    private readonly Uri _raw;

    /// <summary>Makes a client.</summary>
    public OllamaClient(ServerAddress address, ServerOptions options, ServerKey? key)
    {
        _options = options;
        _http = new ServerHttp(address, options, key);
        _api = new OllamaApiClient(_http.Client);
        _chat = new Uri(_http.Root, "api/chat");
        _raw = new Uri(_http.Root, "api/generate");
    }

    /// <inheritdoc/>
    /// <remarks>Loads the model, so that what is loaded can be seen.</remarks>
    public Task<ServerIdentity> InspectAsync(string? model, CancellationToken cancellationToken) =>
        _http.SetUpAsync(token => InspectOnceAsync(model, token), cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ReplyPart> GenerateAsync(
        ServerRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _http.SendAsync(request.Prompt is null ? _chat : _raw, Body(request), cancellationToken);
        await using Stream stream = await _http.OpenAsync(response, cancellationToken);
        using var lines = new LineReader(stream, _options.LongestLine);
        var chunk = new OllamaChunk();
        do
        {
            while (!lines.TryNext())
            {
                if (await _http.MoreAsync(lines, cancellationToken)) continue;
                throw new ServerException(ServerFault.Cut, "the connection ended before the reply did");
            }

            if (lines.Line.Span.Trim((byte)' ').IsEmpty) continue;
            chunk.Read(lines.Line.Span);
            if (chunk.Error is { } error) throw new ServerException(ServerFault.ServerError, $"the server says: {_http.Hide(error)}");
            if (chunk.Model is { Length: > 0 } name && !IsSame(name, request.Model))
            {
                throw new ServerException(ServerFault.Malformed,
                    $"'{request.Model}' was asked for, and the reply comes from '{_http.Hide(name)}'");
            }

            if (chunk.Reasoning is { Length: > 0 } thought) yield return new ReplyPart(ReplyKind.Reasoning, thought, 1);
            if (chunk.Text is { Length: > 0 } text) yield return new ReplyPart(ReplyKind.Token, text, 1);
        }
        while (!chunk.Done);

        if (chunk.Usage is { } usage) yield return new ReplyPart(ReplyKind.Usage, "", 0, Usage: usage);
        if (chunk.Timings is { } timings) yield return new ReplyPart(ReplyKind.Timings, "", 0, Timings: timings);
        yield return new ReplyPart(ReplyKind.End, chunk.Finish ?? "", 0);
    }

    /// <inheritdoc/>
    public Task<bool> HasAsync(string model, CancellationToken cancellationToken) =>
        SetUpAsync(async token => (await _api.ListLocalModelsAsync(token)).Any(m => IsSame(m.Name, model)), model, cancellationToken);

    /// <inheritdoc/>
    public async Task PullAsync(string model, Action<string, long, long> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        using HttpResponseMessage response =
            await _http.SendAsync(new Uri(_http.Root, "api/pull"), Named(model, w => w.WriteBoolean("stream"u8, true)), cancellationToken);
        await using Stream stream = await _http.OpenAsync(response, cancellationToken);
        using var lines = new LineReader(stream, _options.LongestLine);
        var pull = new OllamaPull();
        while (!pull.Succeeded)
        {
            if (!lines.TryNext())
            {
                if (await _http.MoreAsync(lines, cancellationToken)) continue;
                throw new ServerException(ServerFault.Cut, $"the connection ended before '{model}' was pulled");
            }

            if (lines.Line.Span.Trim((byte)' ').IsEmpty) continue;
            pull.Read(lines.Line);
            if (pull.Error is { } error)
                throw new ServerException(ServerFault.Rejected, $"'{model}' can't be pulled: {_http.Hide(error)}");
            progress(_http.Hide(pull.Status), pull.Done, pull.Total);
        }
    }

    /// <inheritdoc/>
    public Task UnloadAsync(string model, CancellationToken cancellationToken) =>
        _http.SetUpAsync(token => GenerateNothingAsync(Named(model, w =>
        {
            w.WriteBoolean("stream"u8, false);
            w.WriteNumber("keep_alive"u8, 0);
        }), token), cancellationToken);

    /// <inheritdoc/>
    public Task DeleteAsync(string model, CancellationToken cancellationToken) => SetUpAsync(async token =>
    {
        await _api.DeleteModelAsync(new DeleteModelRequest { Model = model }, token);
        return true;
    }, model, cancellationToken);

    /// <inheritdoc/>
    public long Resent => _http.Resent;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Retried => _http.Retried;

    /// <inheritdoc/>
    public void Dispose()
    {
        _api.Dispose();
        _http.Dispose();
    }

    private Task<T> SetUpAsync<T>(Func<CancellationToken, Task<T>> call, string? model, CancellationToken cancellationToken) =>
        _http.SetUpAsync(token => KnownAsync(call, model, token), cancellationToken);

    private Task<ServerIdentity> InspectOnceAsync(string? model, CancellationToken cancellationToken) =>
        KnownAsync(async token =>
        {
            string name = model ?? await OnlyModelAsync(token);
            string? version = await _api.GetVersionAsync(token);
            ShowModelResponse shown = await _api.ShowModelAsync(new ShowModelRequest { Model = name }, token);
            // A request without a prompt loads a model.
            await GenerateNothingAsync(Named(name, w => w.WriteBoolean("stream"u8, false)), token);
            RunningModel[] running = [.. await _api.ListRunningModelsAsync(token)];
            RunningModel loaded = Array.Find(running, r => IsSame(r.Name, name)) ?? throw new ServerException(ServerFault.Malformed,
                $"{_http.Root}: '{name}' was loaded, but what runs is {(running.Length == 0 ? "nothing" : _http.Hide(Names(running)))}");
            if (shown.Details?.QuantizationLevel is { Length: > 0 } asked && loaded.Details?.QuantizationLevel is { Length: > 0 } got
                && asked != got)
            {
                throw new ServerException(ServerFault.Malformed,
                    $"{_http.Root}: '{name}' is {_http.Hide(asked)}, but what runs is {_http.Hide(got)}");
            }

            return Identity(name, version, shown, loaded, running);
        }, model, cancellationToken);

    /// <summary>Makes a call of OllamaSharp; what fails in it is a failure of the server's, by kind.</summary>
    private async Task<T> KnownAsync<T>(Func<CancellationToken, Task<T>> call, string? model, CancellationToken cancellationToken)
    {
        try
        {
            return await call(cancellationToken);
        }
        catch (HttpRequestException e) when (e.StatusCode is { } status)
        {
            throw new ServerException(
                (int)status == 429 ? ServerFault.RateLimited : (int)status >= 500 ? ServerFault.ServerError : ServerFault.Rejected,
                $"{_http.Root}: status {(int)status} for '{model}'", (int)status == 404 ? $"ollama pull {model}" : null, e);
        }
        catch (HttpRequestException e)
        {
            throw _http.Fault(e);
        }
        catch (Exception e) when (e is OllamaException or ResponseError or JsonException or NotSupportedException)
        {
            throw new ServerException(ServerFault.Rejected, $"{_http.Root}: {_http.Hide(e.Message)}", null, e);
        }
    }

    private ServerIdentity Identity(string name, string? version, ShowModelResponse shown, RunningModel loaded,
        RunningModel[] running)
    {
        ImmutableSortedDictionary<string, string> facts =
            ImmutableSortedDictionary<string, string>.Empty.Add(OpenAiInspector.Kind, "ollama");
        foreach ((string key, string? value) in (ReadOnlySpan<(string, string?)>)[
            ("digest", loaded.Digest), ("format", loaded.Details?.Format), ("family", loaded.Details?.Family),
            ("parameters", shown.Info?.ParameterCount?.ToString(CultureInfo.InvariantCulture)),
            ("device_bytes", loaded.SizeVram.ToString(CultureInfo.InvariantCulture)),
            ("also_loaded", running.Length > 1 ? Names(running.Where(r => r != loaded)) : null)])
        {
            if (value is { Length: > 0 }) facts = facts.SetItem(key, _http.Hide(value));
        }

        return new ServerIdentity(_http.Hide($"Ollama {version}"), name)
        {
            Quantization = (loaded.Details?.QuantizationLevel ?? shown.Details?.QuantizationLevel) is { } level ? _http.Hide(level) : null,
            SizeBytes = loaded.Size > 0 ? loaded.Size : null,
            ContextLength = loaded.ContextLength > 0 ? loaded.ContextLength : null,
            DeviceShare = loaded.Size > 0 ? Math.Clamp((double)loaded.SizeVram / loaded.Size, 0, 1) : null,
            Facts = facts,
        };
    }

    private static string Names(IEnumerable<RunningModel> models) => string.Join(", ", models.Select(r => r.Name));

    private static bool IsSame(string? one, string? other) => one is not null && other is not null && Tagged(one) == Tagged(other);

    private static string Tagged(string name) =>
        name[(name.LastIndexOf('/') + 1)..].Contains(':', StringComparison.Ordinal) ? name : name + LatestTag;

    private async Task<string> OnlyModelAsync(CancellationToken cancellationToken)
    {
        string[] names = [.. (await _api.ListLocalModelsAsync(cancellationToken)).Select(m => m.Name ?? "")];
        if (names is [var only]) return only;
        string has = names.Length == 0 ? "no model" : $"several models: {_http.Hide(string.Join(", ", names.Take(10)))}";
        throw new ServerException(ServerFault.Rejected, $"{_http.Root}: the server has {has}",
            "Name one that it has: a variant served:NAME.");
    }

    private async Task<bool> GenerateNothingAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _http.SendAsync(_raw, body, cancellationToken);
        var chunk = new OllamaChunk();
        chunk.Read(await ServerHttp.ReadAsync(response, _options.LongestLine, cancellationToken));
        if (chunk.Error is { } error) throw new ServerException(ServerFault.ServerError, $"the server says: {_http.Hide(error)}");
        return true;
    }

    private static ReadOnlyMemory<byte> Named(string model, Action<Utf8JsonWriter> rest)
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model"u8, model);
            rest(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> Body(ServerRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            JsonFields.WriteAsked(writer, request);
            if (request.Prompt is not null) writer.WriteBoolean("raw"u8, true); // no template of the model's around it
            writer.WriteBoolean("stream"u8, true);
            writer.WriteStartObject("options"u8);
            writer.WriteNumber("num_predict"u8, request.MaxTokens);
            writer.WriteNumber("temperature"u8, request.Temperature);
            if (request.Seed is { } seed) writer.WriteNumber("seed"u8, seed);
            if (request.Stop is { } stop)
            {
                writer.WriteStartArray("stop"u8);
                writer.WriteStringValue(stop);
                writer.WriteEndArray();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
