using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Directories;
using QuantBench.Models.Scaled;
using QuantBench.Models.Sources;
using QuantBench.Models.Synthesis;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Inspection;

/// <summary>Says what a model really holds: types and bits by kind of tensor, and what deviates from what it says it is.</summary>
public static partial class ModelInspector
{
    private const string Vectors = "vectors";

    private static readonly DecoderRole[] s_roles =
    [
        DecoderRole.Embedding, DecoderRole.Head, DecoderRole.Query, DecoderRole.Key, DecoderRole.Value, DecoderRole.QueryKeyValue,
        DecoderRole.AttentionOutput, DecoderRole.Gate, DecoderRole.Up, DecoderRole.Down,
        DecoderRole.GateExperts, DecoderRole.UpExperts, DecoderRole.DownExperts, DecoderRole.SharedGate, DecoderRole.SharedUp,
        DecoderRole.SharedDown, DecoderRole.QueryDown, DecoderRole.QueryUp, DecoderRole.KeyValueDown, DecoderRole.KeyValueUp,
        DecoderRole.KeyUp, DecoderRole.ValueUp,
    ];

    /// <summary>Inspects a model; reads headers, and of quantized directories what their matrices' shapes are.</summary>
    /// <param name="path">A GGUF file, an ONNX model, or a directory of safetensors or with an ONNX model.</param>
    /// <exception cref="QuantBenchException">It can't be opened, is broken, or is of a kind that isn't read.</exception>
    public static ModelInspection Inspect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) return OnnxSource.IsDirectory(path) ? InspectOnnx(path) : InspectDirectory(path);
        if (File.Exists(path)) return OnnxSource.IsFile(path) ? InspectOnnx(path) : InspectGguf(path);
        throw new RequestException($"There is no model at '{path}'.",
            "Give a GGUF file, an ONNX model or a directory with config.json and *.safetensors.");
    }

    private static ModelInspection InspectGguf(string path)
    {
        using GgufReader reader = GgufReader.Open(path);
        var deviations = ImmutableArray.CreateBuilder<string>();
        QuantScheme[] schemes = [.. QuantSchemes.All.Where(s => s.Format == "gguf" && !s.IsGiven && s.FileType == reader.FileType)];
        if (reader.FileType is null) deviations.Add("the file doesn't say which scheme it has ('general.file_type')");
        else if (schemes.Length == 0) deviations.Add($"its file type, {reader.FileType}, is that of no scheme");

        // Two schemes share a number: one is for experts.
        bool hasExperts = reader.Tensors.Any(t => t.Name.Contains("_exps.", StringComparison.Ordinal));
        QuantScheme? scheme = schemes.FirstOrDefault(s => s.Name.EndsWith("_MOE", StringComparison.Ordinal) == hasExperts)
            ?? schemes.FirstOrDefault();
        if (scheme is not null)
        {
            if (SchemeCheck.Refusal(reader, scheme) is { } refusal) deviations.Add(refusal);
            else if (SchemeCheck.Fallbacks(reader, scheme) is { } fallbacks) deviations.Add(fallbacks);
            deviations.AddRange(OtherTypes(reader, scheme));
        }

        IEnumerable<TensorGroup> groups = Grouped(reader.Tensors.Select(t =>
            (t.Dimensions.Length > 1 ? Kind(t.Name) : Vectors, t.Type.ToString(), t.ElementCount, t.ByteSize)));
        return new ModelInspection(path, "gguf", scheme is null ? null : $"gguf:{scheme.Name}", [.. groups], SchemeCheck.LayerBits(reader),
            deviations.ToImmutable());
    }

    /// <summary>Matrices whose type isn't the one that the scheme's quantizer gives them.</summary>
    private static IEnumerable<string> OtherTypes(GgufReader reader, QuantScheme scheme)
    {
        string architecture = reader.Architecture ?? "";
        long layers = Whole(reader, $"{architecture}.block_count") ?? 0;
        if (layers <= 0 || !SchemeMix.Schemes.Contains(scheme.Name)) yield break;
        long heads = Whole(reader, $"{architecture}.attention.head_count") ?? 1;
        long shared = heads / Math.Max(1, Whole(reader, $"{architecture}.attention.head_count_kv") ?? heads);
        long experts = Whole(reader, $"{architecture}.expert_count") ?? 0;
        int? sharedFrom = reader.Tensors.Where(t => t.Name.Contains("_shexp.", StringComparison.Ordinal))
            .Select(t => (int?)LayerOf(t.Name)).Min();
        var mix = new SchemeMix(scheme.Name, (int)Math.Min(layers, int.MaxValue), (int)Math.Clamp(shared, 1, int.MaxValue),
            (int)Math.Clamp(experts, 0, int.MaxValue), sharedFrom);
        bool isTied = reader.Find("output.weight") is null;
        var others = new Dictionary<(string Kind, GgmlType Is, GgmlType Expected), int>();
        var all = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (GgufTensorInfo tensor in reader.Tensors.Where(t => t.Dimensions.Length > 1))
        {
            string kind = Kind(tensor.Name);
            DecoderRole? role = s_roles.Where(r => Kind($"{DecoderModule.GgufName(r)}.weight") == kind).Cast<DecoderRole?>()
                .FirstOrDefault();
            if (role is null || !tensor.Name.EndsWith($"{kind}.weight", StringComparison.Ordinal)) continue;
            if (role == DecoderRole.Embedding && isTied) role = DecoderRole.Head;
            all[kind] = all.GetValueOrDefault(kind) + 1;
            if (Expected(mix, role.Value, LayerOf(tensor.Name), tensor.Dimensions[0]) is { } expected && expected != tensor.Type)
                others[(kind, tensor.Type, expected)] = others.GetValueOrDefault((kind, tensor.Type, expected)) + 1;
        }

        foreach (((string kind, GgmlType type, GgmlType expected), int count) in others)
        {
            yield return $"{kind}: {(all[kind] == 1 ? "" : $"{count} of {all[kind]} ")}{(count == 1 ? "is" : "are")} {type}, where "
                + $"{scheme.Name} has {expected}";
        }
    }

    private static GgmlType? Expected(SchemeMix mix, DecoderRole role, int layer, long columns)
    {
        try
        {
            return mix.TypeOf(role, layer, (int)Math.Min(columns, int.MaxValue));
        }
        catch (UnsupportedException)
        {
            return null; // The quantizer has no type for such rows, so nothing is expected of them.
        }
    }

    private static long? Whole(GgufReader reader, string key) =>
        reader.Metadata.TryGet(key, out object? value) && value is not Array ? reader.Metadata.FindInteger(key) : null;

    private static ModelInspection InspectDirectory(string path)
    {
        string? claim = DirectoryVariant.Quantized(path);
        using SafetensorsWeights weights = SafetensorsWeights.Open(path);
        var rows = new List<(string Module, string Kind, string Type, long Elements, long Bytes)>();
        foreach (IGrouping<string, SafetensorsTensorInfo> module in weights.Model.Tensors.Values
            .OrderBy(t => t.Part).ThenBy(t => t.Offset).GroupBy(t => ModuleOf(t.Name)))
        {
            bool isMatrix = module.Any(t => t.Shape.Length > 1);
            if (!isMatrix)
            {
                foreach (SafetensorsTensorInfo t in module) rows.Add((module.Key, Vectors, t.DType.ToString(), t.ElementCount, t.ByteSize));
                continue;
            }

            if (module.Any(t => t.Shape.Length > 2))
            {
                foreach (SafetensorsTensorInfo t in module)
                    rows.Add((module.Key, Kind(module.Key), t.DType.ToString(), t.ElementCount, t.ByteSize));
                continue;
            }

            IWeightMatrix matrix = weights.Matrix(module.Key);
            rows.Add((module.Key, Kind(module.Key), TypeOf(matrix), (long)matrix.Rows * matrix.Columns, matrix.ByteSize));
            foreach (SafetensorsTensorInfo t in module.Where(t => t.Name.EndsWith(".bias", StringComparison.Ordinal)))
                rows.Add((module.Key, Vectors, t.DType.ToString(), t.ElementCount, t.ByteSize));
        }

        var layers = rows.Where(r => r.Kind != Vectors && LayerPlace().IsMatch(r.Module)).ToList();
        string? usual = layers.GroupBy(r => r.Type).MaxBy(g => g.Sum(r => r.Elements))?.Key;
        ImmutableArray<string> deviations =
        [
            .. layers.GroupBy(r => r.Kind).SelectMany(kind => kind.Where(r => r.Type != usual).GroupBy(r => r.Type)
                .Select(other => $"{kind.Key}: {other.Count()} of {kind.Count()} are {other.Key}, where most of the layers are {usual}")),
        ];
        return new ModelInspection(path, claim?.Split(':')[0] ?? "safetensors", claim,
            [.. Grouped(rows.Select(r => (r.Kind, r.Type, r.Elements, r.Bytes)))],
            layers.Count == 0 ? null : 8.0 * layers.Sum(r => r.Bytes) / layers.Sum(r => r.Elements), deviations);
    }

    private static string TypeOf(IWeightMatrix matrix) => matrix switch
    {
        FloatMatrix floats => floats.DType.ToString(),
        Mlx.MlxMatrix mlx => $"{mlx.Quantization.Bits} bits, groups of {mlx.Quantization.GroupSize}",
        IGroupedMatrix { GroupSize: > 0 } grouped => $"{grouped.Bits} bits, groups of {grouped.GroupSize}",
        IGroupedMatrix grouped => $"{grouped.Bits} bits, act-order",
        ScaledMatrix scaled => scaled.Kind,
        BnbMatrix bnb => bnb.Kind,
        _ => "?",
    };

    private static ModelInspection InspectOnnx(string path)
    {
        using OnnxModel model = OnnxModel.Open(path);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var rows = new List<(string, string, long, long)>();
        foreach (OnnxNode node in model.Nodes)
        {
            switch (node.OpType)
            {
                case "MatMulNBits":
                    Add(node, node.Int("bits", 4), node.Int("N", 0) * node.Int("K", 0), 1, 2, 3);
                    break;
                case "QMoE":
                    long bits = node.Int("expert_weight_bits", 4);
                    Add(node, bits, null, 2, 3, 11);
                    Add(node, bits, null, 5, 6, 12);
                    break;
                default:
                    break;
            }
        }

        foreach (OnnxTensorInfo tensor in model.Tensors.Values.Where(t => !taken.Contains(t.Name))
            .OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            rows.Add((tensor.Shape.Length > 1 ? Kind(tensor.Name) : Vectors, tensor.Type.ToString(), tensor.ElementCount, tensor.ByteSize));
        }

        return new ModelInspection(path, "onnx", null, [.. Grouped(rows)], null, []);

        // A matrix in blocks, its scales and its zero points.
        void Add(OnnxNode node, long bits, long? weights, params ReadOnlySpan<int> inputs)
        {
            var parts = new List<OnnxTensorInfo>();
            foreach (int input in inputs)
            {
                if (input < node.Inputs.Length && node.Inputs[input] is { Length: > 0 } name && taken.Add(name)
                    && model.Tensors.GetValueOrDefault(name) is { } part) parts.Add(part);
            }

            if (parts.Count == 0) return; // shared with a node before
            rows.Add((Kind(parts[0].Name), $"{bits} bits, blocks of {node.Int("block_size", 32)}",
                weights ?? parts[0].ElementCount * 8 / Math.Max(1, bits), parts.Sum(p => p.ByteSize)));
        }
    }

    private static IEnumerable<TensorGroup> Grouped(IEnumerable<(string Kind, string Type, long Elements, long Bytes)> rows) =>
        rows.GroupBy(r => (r.Kind, r.Type))
            .Select(g => new TensorGroup(g.Key.Kind, g.Key.Type, g.Count(), g.Sum(r => r.Elements), g.Sum(r => r.Bytes)));

    private static string ModuleOf(string tensor) =>
        QuantizedWeights.Split(tensor)?.Module ?? (tensor.LastIndexOf('.') is > 0 and var dot ? tensor[..dot] : tensor);

    /// <summary>A name without its layer and what comes before, and without <c>.weight</c>.</summary>
    private static string Kind(string name)
    {
        string kind = LayerPlace().Match(name) is { Success: true } place ? name[(place.Index + place.Length)..] : name;
        if (kind.StartsWith("model.", StringComparison.Ordinal)) kind = kind["model.".Length..];
        return kind.EndsWith(".weight", StringComparison.Ordinal) ? kind[..^".weight".Length] : kind;
    }

    private static int LayerOf(string name) => LayerPlace().Match(name) is { Success: true } place
        && int.TryParse(place.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int layer) ? layer : 0;

    [GeneratedRegex(@"(?:^|[./])(?:blk|layers|h)\.([0-9]+)[./]", RegexOptions.CultureInvariant)]
    private static partial Regex LayerPlace();
}
