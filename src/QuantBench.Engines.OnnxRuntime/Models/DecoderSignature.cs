using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.OnnxRuntime.Models;

/// <summary>Names of one layer's cache tensors.</summary>
/// <param name="PastKey">Input.</param>
/// <param name="PastValue">Input.</param>
/// <param name="PresentKey">Output.</param>
/// <param name="PresentValue">Output.</param>
internal sealed record CacheLayer(string PastKey, string PastValue, string PresentKey, string PresentValue);

/// <summary>
/// What a decoder graph takes and gives, found by name and shape: token ids [batch, sequence], an attention mask, positions, past keys and
/// values [batch, heads, length, head size], and logits [batch, sequence, vocabulary]. The names are those of onnxruntime-genai and
/// optimum; a
/// <c>genai_config.json</c> beside the model may give others.
/// </summary>
internal sealed partial record DecoderSignature
{
    /// <summary>Input with token ids.</summary>
    public required string InputIds { get; init; }

    /// <summary>Type of token ids, masks and positions: 64 or 32 bits.</summary>
    public required TensorElementType IdType { get; init; }

    /// <summary>Input with the attention mask; null when there is none.</summary>
    public string? AttentionMask { get; init; }

    /// <summary>Input with positions; null when the graph finds them itself.</summary>
    public string? PositionIds { get; init; }

    /// <summary>Boolean input that switches optimum's merged decoders to their branch with a cache; null when there is none.</summary>
    public string? UseCacheBranch { get; init; }

    /// <summary>Output with logits.</summary>
    public required string Logits { get; init; }

    /// <summary>Type of the logits.</summary>
    public required TensorElementType LogitsType { get; init; }

    /// <summary>Number of logits; 0 when the graph doesn't say.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Layers of the cache; empty when the graph keeps none.</summary>
    public ImmutableArray<CacheLayer> Layers { get; init; } = [];

    /// <summary>Type of the cache.</summary>
    public TensorElementType CacheType { get; init; }

    /// <summary>Key and value heads.</summary>
    public int CacheHeads { get; init; }

    /// <summary>Size of a head.</summary>
    public int HeadSize { get; init; }

    /// <summary>Finds it.</summary>
    /// <param name="path">The model file, for errors.</param>
    /// <param name="session">The model.</param>
    /// <param name="config">Names from beside the model; null when there are none.</param>
    /// <exception cref="UnsupportedException">The graph isn't a decoder of this kind; the message says what is missing.</exception>
    public static DecoderSignature Find(string path, InferenceSession session, GenaiConfig? config)
    {
        IReadOnlyDictionary<string, NodeMetadata> inputs = session.InputMetadata;
        IReadOnlyDictionary<string, NodeMetadata> outputs = session.OutputMetadata;
        string ids = Named(inputs, config?.InputIds) ?? Named(inputs, "input_ids")
            ?? Only(inputs.Where(i =>
                IsId(i.Value) && i.Value.Dimensions.Length == 2 && !MaskName().IsMatch(i.Key) && !PositionName().IsMatch(i.Key)))
            ?? throw NotDecoder(path, $"no input with token ids (inputs: {List(inputs)})");
        string logits = Named(outputs, config?.Logits) ?? Named(outputs, "logits")
            ?? Only(outputs.Where(o => IsFloat(o.Value) && o.Value.Dimensions.Length == 3))
            ?? throw NotDecoder(path, $"no output with logits (outputs: {List(outputs)})");
        NodeMetadata idData = inputs[ids];
        NodeMetadata logitData = outputs[logits];
        if (!IsId(idData) || idData.Dimensions.Length != 2) throw NotDecoder(path, $"'{ids}' isn't [batch, sequence] of whole numbers");
        if (!IsFloat(logitData) || logitData.Dimensions.Length != 3)
            throw NotDecoder(path, $"'{logits}' isn't [batch, sequence, vocabulary] of 32- or 16-bit floats");
        if (logitData.Dimensions[1] == 1)
        {
            throw NotDecoder(path, $"'{logits}' has the last position only, so a text can't be scored",
                "Export it with all logits (no prune_lm_head, no last-token-only output).");
        }

        ImmutableArray<CacheLayer> layers = FindLayers(path, inputs, outputs, config);
        NodeMetadata? cache = layers.Length > 0 ? inputs[layers[0].PastKey] : null;
        var signature = new DecoderSignature
        {
            InputIds = ids,
            IdType = idData.ElementDataType,
            AttentionMask = Named(inputs, config?.AttentionMask) ?? Named(inputs, "attention_mask")
                ?? Only(inputs.Where(i => IsId(i.Value) && MaskName().IsMatch(i.Key))),
            PositionIds = Named(inputs, config?.PositionIds) ?? Named(inputs, "position_ids")
                ?? Only(inputs.Where(i => IsId(i.Value) && PositionName().IsMatch(i.Key))),
            UseCacheBranch = Named(inputs, "use_cache_branch"),
            Logits = logits,
            LogitsType = logitData.ElementDataType,
            VocabularySize = logitData.Dimensions[2] > 0 ? logitData.Dimensions[2] : config?.VocabularySize ?? 0,
            Layers = layers,
            CacheType = cache?.ElementDataType ?? TensorElementType.Float,
            CacheHeads = cache?.Dimensions[1] ?? 0,
            HeadSize = cache?.Dimensions[3] ?? 0,
        };
        signature.CheckInputs(path, inputs);
        return signature;
    }

    /// <summary>Bytes of an element.</summary>
    public static int SizeOf(TensorElementType type) => type switch
    {
        TensorElementType.Float or TensorElementType.Int32 or TensorElementType.UInt32 => 4,
        TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.Int16 or TensorElementType.UInt16 => 2,
        TensorElementType.Int64 or TensorElementType.UInt64 or TensorElementType.Double => 8,
        _ => 1,
    };

    private void CheckInputs(string path, IReadOnlyDictionary<string, NodeMetadata> inputs)
    {
        HashSet<string?> known = [InputIds, AttentionMask, PositionIds, UseCacheBranch,
            .. Layers.SelectMany(l => new[] { l.PastKey, l.PastValue })];
        if (inputs.Keys.FirstOrDefault(i => !known.Contains(i)) is { } unknown)
            throw NotDecoder(path, $"nothing is known to give the input '{unknown}'");
        foreach (string? id in new[] { AttentionMask, PositionIds })
        {
            if (id is not null && (inputs[id].ElementDataType != IdType || inputs[id].Dimensions.Length != 2))
                throw NotDecoder(path, $"'{id}' isn't [batch, length] of the type of '{InputIds}'");
        }

        foreach (CacheLayer layer in Layers)
        {
            foreach (string name in new[] { layer.PastKey, layer.PastValue })
            {
                NodeMetadata data = inputs[name];
                if (data.ElementDataType != CacheType || data.Dimensions.Length != 4 || data.Dimensions[1] != CacheHeads
                    || data.Dimensions[3] != HeadSize)
                {
                    throw NotDecoder(path, $"'{name}' has another type or shape than '{Layers[0].PastKey}'");
                }
            }
        }

        if (Layers.Length > 0 && (CacheHeads < 1 || HeadSize < 1))
            throw NotDecoder(path, $"'{Layers[0].PastKey}' has no fixed number of heads or head size");
    }

    private static ImmutableArray<CacheLayer> FindLayers(
        string path, IReadOnlyDictionary<string, NodeMetadata> inputs, IReadOnlyDictionary<string, NodeMetadata> outputs,
        GenaiConfig? config)
    {
        SortedDictionary<int, string> pastKeys = Cache(inputs, config?.PastKeys, key: true);
        SortedDictionary<int, string> pastValues = Cache(inputs, config?.PastValues, key: false);
        SortedDictionary<int, string> presentKeys = Cache(outputs, config?.PresentKeys, key: true);
        SortedDictionary<int, string> presentValues = Cache(outputs, config?.PresentValues, key: false);
        var layers = ImmutableArray.CreateBuilder<CacheLayer>();
        foreach ((int layer, string pastKey) in pastKeys)
        {
            if (!pastValues.TryGetValue(layer, out string? pastValue) || !presentKeys.TryGetValue(layer, out string? presentKey)
                || !presentValues.TryGetValue(layer, out string? presentValue))
            {
                throw NotDecoder(path,
                    $"layer {layer} has past keys '{pastKey}', but no past values, present keys or present values to go with them");
            }

            layers.Add(new CacheLayer(pastKey, pastValue, presentKey, presentValue));
        }

        return layers.ToImmutable();
    }

    /// <summary>Four-dimensional tensors named for keys or values, by the number in their name.</summary>
    private static SortedDictionary<int, string> Cache(IReadOnlyDictionary<string, NodeMetadata> tensors, string? pattern, bool key)
    {
        var found = new SortedDictionary<int, string>();
        foreach ((string name, NodeMetadata data) in tensors)
        {
            if (!data.IsTensor || data.Dimensions.Length != 4) continue;
            if (pattern is not null)
            {
                Match numbered =
                    Regex.Match(name, "^" + Regex.Escape(pattern).Replace("%d", @"(\d{1,5})", StringComparison.Ordinal) + "$",
                        RegexOptions.NonBacktracking);
                if (numbered.Success) found[int.Parse(numbered.Groups[1].ValueSpan, CultureInfo.InvariantCulture)] = name;
                continue;
            }

            string bare = StripCacheName(name);
            bool isKey = KeyName().IsMatch(bare);
            if (isKey == ValueName().IsMatch(bare) || isKey != key) continue;
            Match number = LayerNumber().Match(name);
            if (number.Success) found[int.Parse(number.ValueSpan, CultureInfo.InvariantCulture)] = name;
        }

        return found;
    }

    // "past_key_values.3.value" is a value, though 'key' stands in it.
    private static string StripCacheName(string name) =>
        name.Replace("key_values", "", StringComparison.OrdinalIgnoreCase).Replace("key_value", "", StringComparison.OrdinalIgnoreCase);

    private static string? Named(IReadOnlyDictionary<string, NodeMetadata> tensors, string? name) =>
        name is not null && tensors.ContainsKey(name) ? name : null;

    private static string? Only(IEnumerable<KeyValuePair<string, NodeMetadata>> fitting)
    {
        string[] names = [.. fitting.Select(f => f.Key).Take(2)];
        return names.Length == 1 ? names[0] : null;
    }

    private static bool IsId(NodeMetadata data) =>
        data.IsTensor && data.ElementDataType is TensorElementType.Int64 or TensorElementType.Int32;

    private static bool IsFloat(NodeMetadata data) =>
        data.IsTensor && data.ElementDataType is TensorElementType.Float or TensorElementType.Float16;

    private static string List(IReadOnlyDictionary<string, NodeMetadata> tensors) =>
        string.Join(", ", tensors.Keys.Take(6)) + (tensors.Count > 6 ? ", …" : "");

    private static UnsupportedException NotDecoder(string path, string problem, string? hint = null) =>
        new(path, $"isn't a decoder that can be run token by token: {problem}.",
            hint ?? "Measure models that aren't language models with the workload onnx-latency.");

    [GeneratedRegex("mask", RegexOptions.IgnoreCase)]
    private static partial Regex MaskName();

    [GeneratedRegex("position", RegexOptions.IgnoreCase)]
    private static partial Regex PositionName();

    [GeneratedRegex(@"(^|[._/])(k|key|keys)([._/]|\d|$)", RegexOptions.IgnoreCase)]
    private static partial Regex KeyName();

    [GeneratedRegex(@"(^|[._/])(v|value|values)([._/]|\d|$)", RegexOptions.IgnoreCase)]
    private static partial Regex ValueName();

    [GeneratedRegex(@"\d{1,5}")]
    private static partial Regex LayerNumber();
}
