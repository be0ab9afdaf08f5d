using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using QuantBench.Inference.Servers;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>
/// Finds out what a server of the OpenAI protocol really runs, by the list of models and by what single servers tell beyond it:
/// llama-server's <c>/props</c>, vLLM's <c>/version</c>, LM Studio's <c>/api/v0/models</c>, TGI's <c>/info</c>.
/// </summary>
/// <param name="http">The server.</param>
/// <param name="api">Root of the protocol's paths, usually <c>…/v1/</c>.</param>
internal sealed class OpenAiInspector(ServerHttp http, Uri api)
{
    /// <summary>Fact: which server it is, where that is known.</summary>
    public const string Kind = "kind";

    /// <summary>Value of <see cref="Kind"/>: llama-server.</summary>
    public const string LlamaServer = "llama-server";

    /// <summary>Value of <see cref="Kind"/>: vLLM.</summary>
    public const string Vllm = "vllm";

    /// <summary>Fact: requests that llama-server works on at once.</summary>
    public const string Slots = "slots";

    /// <summary>Fact: tokens in the model's vocabulary.</summary>
    public const string Vocabulary = "vocabulary";

    private string? _replied;

    /// <summary>The server's root, without the protocol's <c>v1</c>.</summary>
    public Uri Root { get; } = api.AbsolutePath.EndsWith("/v1/", StringComparison.Ordinal) ? new Uri(api, "../") : api;

    /// <summary>What it runs.</summary>
    /// <param name="model">Its name of the model; null = the only one.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ServerException">It gives no answer, or doesn't have the model.</exception>
    public async Task<ServerIdentity> InspectAsync(string? model, CancellationToken cancellationToken)
    {
        var list = new Uri(api, "models");
        (JsonDocument? json, string header) = await http.GetAsync(list, cancellationToken);
        using JsonDocument? models = json;
        JsonElement entry = Entry(models, list, ref model);
        var identity = new ServerIdentity(header.Length > 0 ? header : "not said", model)
        {
            ContextLength = Int(entry, "max_model_len") ?? Int(Member(entry, "meta"), "n_ctx"),
            SizeBytes = Long(Member(entry, "meta"), "size"),
            Quantization = Text(Member(entry, "meta"), "ftype"),
        };
        identity = Facts(identity, ("listed_root", Text(entry, "root")),
            (Vocabulary, Long(Member(entry, "meta"), "n_vocab")?.ToString(CultureInfo.InvariantCulture)),
            ("weight_bytes", Long(Member(entry, "meta"), "size")?.ToString(CultureInfo.InvariantCulture)),
            ("parameters", Long(Member(entry, "meta"), "n_params")?.ToString(CultureInfo.InvariantCulture)));
        return await LlamaServerAsync(identity, cancellationToken)
            ?? await VllmAsync(identity, Text(entry, "owned_by"), cancellationToken)
            ?? await LmStudioAsync(identity, cancellationToken)
            ?? await TgiAsync(identity, cancellationToken)
            ?? identity;
    }

    /// <summary>Notices when replies come from another model than the first one did.</summary>
    /// <param name="asked">The model that was asked for.</param>
    /// <param name="replied">The model that the reply names.</param>
    /// <exception cref="ServerException">They aren't from one model.</exception>
    public void Check(string asked, string replied)
    {
        // Names may differ from the request's (aliases, dates of a version), but not within a cell.
        if (_replied == replied) return;
        if (Interlocked.CompareExchange(ref _replied, replied, null) is not { } first || first == replied) return;
        throw new ServerException(ServerFault.Malformed,
            $"'{asked}' was asked for, and replies come from '{first}' and from '{replied}'", "Give the model a server of its own.");
    }

    private static JsonElement Entry(JsonDocument? models, Uri list, [System.Diagnostics.CodeAnalysis.NotNull] ref string? model)
    {
        JsonElement[] entries = models?.RootElement is { ValueKind: JsonValueKind.Object } root && Member(root, "data") is var data
            && data.ValueKind == JsonValueKind.Array ? [.. data.EnumerateArray()] : [];
        if (entries.Length == 0)
        {
            // Servers without a list serve what they are asked for, or say no then.
            if (model is not null && models is null) return default;
            throw new ServerException(models is null ? ServerFault.Rejected : ServerFault.Malformed,
                $"{list}: the server lists no model", "Name the model: a variant served:NAME.");
        }

        string[] names = [.. entries.Select(e => Text(e, "id") ?? "")];
        string? wanted = model;
        if (wanted is null && names is [var only]) wanted = only;
        int at = Array.FindIndex(entries, e => Text(e, "id") == wanted || Aliases(e).Contains(wanted));
        if (wanted is null || at < 0)
        {
            string few = string.Join(", ", names.Take(10)) + (names.Length > 10 ? ", …" : "");
            throw new ServerException(ServerFault.Rejected,
                $"{list}: the server has {(wanted is null ? "several models" : $"no model '{wanted}'")}, but {few}",
                "Name one that it has: a variant served:NAME.");
        }

        model = wanted;
        return entries[at];
    }

    private static IEnumerable<string?> Aliases(JsonElement entry) =>
        Member(entry, "aliases") is { ValueKind: JsonValueKind.Array } aliases
            ? aliases.EnumerateArray().Select(a => a.ValueKind == JsonValueKind.String ? a.GetString() : null) : [];

    private async Task<ServerIdentity?> LlamaServerAsync(ServerIdentity known, CancellationToken cancellationToken)
    {
        (JsonDocument? json, _) = await http.GetAsync(new Uri(Root, "props"), cancellationToken);
        using JsonDocument? props = json;
        if (props?.RootElement is not { ValueKind: JsonValueKind.Object } root || Text(root, "model_path") is not { } path) return null;
        return Facts(known with
        {
            Server = $"llama-server {Text(root, "build_info") ?? "of a build that it doesn't say"}",
            ContextLength = Int(Member(root, "default_generation_settings"), "n_ctx") ?? known.ContextLength,
            Quantization = known.Quantization ?? Text(root, "model_ftype"),
        }, (Kind, LlamaServer), ("model_path", path), (Slots, Int(root, "total_slots")?.ToString(CultureInfo.InvariantCulture)));
    }

    private async Task<ServerIdentity?> VllmAsync(ServerIdentity known, string? owner, CancellationToken cancellationToken)
    {
        if (owner is not "vllm") return null;
        (JsonDocument? json, _) = await http.GetAsync(new Uri(Root, "version"), cancellationToken);
        using JsonDocument? version = json;
        string said = version is null ? "of a version that it doesn't say" : Text(version.RootElement, "version") ?? "";
        return Facts(known with { Server = $"vLLM {said}" }, (Kind, Vllm));
    }

    private async Task<ServerIdentity?> LmStudioAsync(ServerIdentity known, CancellationToken cancellationToken)
    {
        (JsonDocument? json, _) = await http.GetAsync(new Uri(Root, "api/v0/models/" + Uri.EscapeDataString(known.Model)),
            cancellationToken);
        using JsonDocument? model = json;
        if (model?.RootElement is not { ValueKind: JsonValueKind.Object } root || Text(root, "compatibility_type") is not { } type)
            return null;
        return Facts(known with
        {
            Server = "LM Studio",
            Quantization = Text(root, "quantization"),
            ContextLength = Int(root, "loaded_context_length") ?? Int(root, "max_context_length"),
        }, (Kind, "lm-studio"), ("format", type), ("state", Text(root, "state")));
    }

    private async Task<ServerIdentity?> TgiAsync(ServerIdentity known, CancellationToken cancellationToken)
    {
        (JsonDocument? json, _) = await http.GetAsync(new Uri(Root, "info"), cancellationToken);
        using JsonDocument? info = json;
        if (info?.RootElement is not { ValueKind: JsonValueKind.Object } root || Text(root, "model_id") is not { } id) return null;
        return Facts(known with { Server = $"TGI {Text(root, "version")}", ContextLength = Int(root, "max_total_tokens") },
            (Kind, "tgi"), ("model_id", id), ("model_revision", Text(root, "model_sha")));
    }

    private ServerIdentity Facts(ServerIdentity identity, params ReadOnlySpan<(string Name, string? Value)> facts)
    {
        ImmutableSortedDictionary<string, string> all = identity.Facts;
        foreach ((string name, string? value) in facts)
        {
            if (value is { Length: > 0 }) all = all.SetItem(name, http.Hide(value));
        }

        return identity with { Facts = all };
    }

    private static JsonElement Member(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out JsonElement found) ? found : default;

    private static string? Text(JsonElement of, string name) =>
        Member(of, name) is { ValueKind: JsonValueKind.String } found && found.GetString() is { Length: > 0 } text ? text : null;

    private static int? Int(JsonElement of, string name) =>
        Member(of, name) is { ValueKind: JsonValueKind.Number } found && found.TryGetInt32(out int value) ? value : null;

    private static long? Long(JsonElement of, string name) =>
        Member(of, name) is { ValueKind: JsonValueKind.Number } found && found.TryGetInt64(out long value) ? value : null;
}
