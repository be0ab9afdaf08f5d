using System.Buffers;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// Log-probabilities of texts. llama-server (b6800 and later) tells them of what it generates only: each position is a request that forces
/// the token which really follows, and the text so far is taken from the slot's cache, so that a token is computed once. vLLM (0.6 and
/// later) tells those of a whole prompt at once.
/// </summary>
/// <param name="http">The server.</param>
/// <param name="root">Its root, without the protocol's <c>v1</c>.</param>
/// <param name="options">Limits.</param>
internal sealed class OpenAiScorer(ServerHttp http, Uri root, ServerOptions options)
{
    // A row is a line of JSON: 100 bytes for each token.
    private const int LargestVocabulary = 65536;
    private const int BytesPerToken = 256;
    private const double Force = 1e6; // as a bias: no logit comes near

    // llama-server writes the least float for a probability that its float can't hold; this is the least that it can.
    private const float LeastLogProbability = -103.28f;

    /// <summary>Whether a server gives them.</summary>
    public static Support CanScore(ServerIdentity server, bool rows)
    {
        switch (server.Facts.GetValueOrDefault(OpenAiInspector.Kind))
        {
            case OpenAiInspector.LlamaServer when !rows:
            case OpenAiInspector.Vllm when !rows:
                return Support.Yes;
            case OpenAiInspector.LlamaServer:
                return VocabularyOf(server) is { } size and <= LargestVocabulary ? Support.Yes
                    : Support.No($"{server.Server}: the log-probabilities of a whole vocabulary of {VocabularyOf(server)} tokens are too "
                        + $"much to send at every position; up to {LargestVocabulary} are asked for");
            case OpenAiInspector.Vllm:
                return Support.No($"{server.Server}: it gives the log-probabilities of a prompt's own tokens, not those of the whole "
                    + "vocabulary, which a divergence needs");
            default:
                return Support.No($"{server.Server}: it isn't known to give log-probabilities of a text; llama-server and vLLM do");
        }
    }

    /// <summary>How many texts it works on at once.</summary>
    public static int Lanes(ServerIdentity server) =>
        int.TryParse(server.Facts.GetValueOrDefault(OpenAiInspector.Slots), CultureInfo.InvariantCulture, out int slots) && slots > 0
            ? slots : 1;

    /// <summary>Scores a text.</summary>
    public Task ScoreAsync(PromptToScore prompt, ScorePrompt handle, CancellationToken cancellationToken) =>
        prompt.Server.Facts.GetValueOrDefault(OpenAiInspector.Kind) == OpenAiInspector.LlamaServer
            ? ForceAsync(prompt, handle, cancellationToken) : EchoAsync(prompt, handle, cancellationToken);

    private static int? VocabularyOf(ServerIdentity server) =>
        int.TryParse(server.Facts.GetValueOrDefault(OpenAiInspector.Vocabulary), CultureInfo.InvariantCulture, out int size) ? size : null;

    private async Task ForceAsync(PromptToScore prompt, ScorePrompt handle, CancellationToken cancellationToken)
    {
        int vocabulary = prompt.Rows ? VocabularyOf(prompt.Server) ?? 0 : 0;
        float[] row = new float[vocabulary];
        var uri = new Uri(root, "completion");
        for (int position = prompt.First; position + 1 < prompt.Tokens.Length; position++)
        {
            int next = prompt.Tokens.Span[position + 1];
            byte[] body = await PostAsync(uri, Forced(prompt, position, next, vocabulary), 1 << 16 | vocabulary * BytesPerToken,
                cancellationToken);
            handle(position, Read(body, next, row, uri), row);
        }
    }

    private static ReadOnlyMemory<byte> Forced(PromptToScore prompt, int position, int next, int vocabulary)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        WriteTokens(writer, prompt.Tokens.Span[..(position + 1)]);
        writer.WriteNumber("n_predict"u8, 1);
        writer.WriteNumber("n_probs"u8, Math.Max(1, vocabulary));
        writer.WriteNumber("temperature"u8, 0);
        writer.WriteStartArray("logit_bias"u8);
        writer.WriteStartArray();
        writer.WriteNumberValue(next);
        writer.WriteNumberValue(Force);
        writer.WriteEndArray();
        writer.WriteEndArray();
        writer.WriteStartArray("samplers"u8); // greedy among all: the forced one, whatever it is
        writer.WriteEndArray();
        writer.WriteNumber("id_slot"u8, prompt.Lane);
        writer.WriteBoolean("cache_prompt"u8, true);
        writer.WriteStartArray("response_fields"u8);
        writer.WriteStringValue("completion_probabilities"u8);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Reads one position; fills the row.</summary>
    private static double Read(ReadOnlySpan<byte> body, int next, Span<float> row, Uri uri)
    {
        try
        {
            double? found = null;
            row.Fill(float.NaN);
            var reader = new Utf8JsonReader(body);
            int id = -1;
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                if (reader.ValueTextEquals("id"u8) && reader.Read())
                {
                    id = reader.GetInt32();
                }
                else if (reader.ValueTextEquals("logprob"u8) && reader.Read())
                {
                    float value = Math.Max(reader.GetSingle(), LeastLogProbability);
                    // The first is the token that was generated, the others are the row's.
                    if (found is null)
                    {
                        if (id != next) throw Lacking(uri, $"token {id} was generated where {next} was asked for");
                        found = value;
                    }
                    else if (id >= 0 && id < row.Length)
                    {
                        row[id] = value;
                    }
                }
            }

            if (found is not { } logProbability) throw Lacking(uri, "it names no 'logprob'");
            foreach (float value in row)
            {
                if (float.IsNaN(value)) throw Lacking(uri, "tokens of the vocabulary are missing");
            }

            return logProbability;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new ServerException(ServerFault.Malformed, $"{uri}: the answer isn't one: {e.Message}", null, e);
        }
    }

    private async Task EchoAsync(PromptToScore prompt, ScorePrompt handle, CancellationToken cancellationToken)
    {
        var uri = new Uri(root, "v1/completions");
        var buffer = new ArrayBufferWriter<byte>(4096);
        await using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model"u8, prompt.Server.Model);
            WriteTokens(writer, prompt.Tokens.Span);
            writer.WriteNumber("max_tokens"u8, 1);
            writer.WriteNumber("temperature"u8, 0);
            writer.WriteNumber("prompt_logprobs"u8, 0);
            writer.WriteEndObject();
        }

        byte[] body = await PostAsync(uri, buffer.WrittenMemory, 1 << 20 | prompt.Tokens.Length * BytesPerToken, cancellationToken);
        try
        {
            using JsonDocument json = JsonDocument.Parse(body);
            JsonElement choice = json.RootElement.GetProperty("choices")[0];
            if (!choice.TryGetProperty("prompt_logprobs", out JsonElement all) || all.ValueKind != JsonValueKind.Array)
                throw Lacking(uri, "it has no 'prompt_logprobs'");
            if (all.GetArrayLength() != prompt.Tokens.Length)
                throw Lacking(uri, $"{all.GetArrayLength()} tokens are scored where {prompt.Tokens.Length} were sent");
            for (int position = prompt.First; position + 1 < prompt.Tokens.Length; position++)
            {
                string next = prompt.Tokens.Span[position + 1].ToString(CultureInfo.InvariantCulture);
                if (!all[position + 1].TryGetProperty(next, out JsonElement entry)) throw Lacking(uri, $"token {next} isn't scored");
                handle(position, entry.GetProperty("logprob").GetDouble(), []);
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new ServerException(ServerFault.Malformed, $"{uri}: the answer isn't one: {e.Message}", null, e);
        }
    }

    private static void WriteTokens(Utf8JsonWriter writer, ReadOnlySpan<int> tokens)
    {
        writer.WriteStartArray("prompt"u8);
        foreach (int token in tokens) writer.WriteNumberValue(token);
        writer.WriteEndArray();
    }

    private static ServerException Lacking(Uri uri, string what) =>
        new(ServerFault.Malformed, $"{uri}: the answer lacks log-probabilities: {what}");

    private async Task<byte[]> PostAsync(Uri uri, ReadOnlyMemory<byte> body, int most, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await http.SendAsync(uri, body, cancellationToken);
        return await ServerHttp.ReadAsync(response, Math.Max(most, options.LongestLine), cancellationToken);
    }
}
