using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Errors;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Mlx;

/// <summary>
/// Makes a quantized MLX directory, in the layout of <c>mlx_lm.convert -q</c>, from a Hugging Face directory: <c>model.safetensors</c> with
/// its index,
/// <c>config.json</c> with the settings, and the tokenizer's files. Linear layers and embeddings are quantized; a matrix whose rows aren't
/// whole groups stays as it is, as do vectors. Experts of a layer are gathered in one tensor, <c>switch_mlp</c>. Scales and biases have
/// the type that the weights had; in the float modes scales are bytes, and there are no biases.
/// </summary>
public static class HuggingFaceToMlx
{
    /// <summary>Changes whenever the same input would give other bytes; part of every recipe.</summary>
    public const string Version = "2";

    private const int ChunkElements = 1 << 20;

    private static readonly MlxQuantization s_router = new(8, 64);

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, IndentSize = 4, NewLine = "\n" };

    /// <summary>Converts with the same settings for all layers.</summary>
    /// <param name="sourceDirectory">A Hugging Face directory of float weights.</param>
    /// <param name="outputDirectory">Where to; made when it is missing, files in it are replaced.</param>
    /// <param name="quantization">Bits and group size.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces of about a million weights; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken or already quantized, or the output can't be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(
        string sourceDirectory, string outputDirectory, MlxQuantization quantization, IProgress<double> progress,
        CancellationToken cancellationToken) =>
        Convert(sourceDirectory, outputDirectory, quantization, _ => quantization, progress, cancellationToken);

    /// <summary>Converts with settings that may differ by layer. The same source content and settings give the same bytes.</summary>
    /// <param name="sourceDirectory">A Hugging Face directory of float weights.</param>
    /// <param name="outputDirectory">Where to; made when it is missing, files in it are replaced.</param>
    /// <param name="quantization">What <c>config.json</c> gives as the settings of all layers that aren't listed.</param>
    /// <param name="settingsOf">Settings of a module by its path, e.g. <c>model.layers.0.mlp.down_proj</c>; null = its weights stay
    /// floats.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces of about a million weights; the output is then incomplete.</param>
    /// <exception cref="QuantBenchException">The source is broken or already quantized, or the output can't be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Convert(
        string sourceDirectory, string outputDirectory, MlxQuantization quantization, Func<string, MlxQuantization?> settingsOf,
        IProgress<double> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(quantization);
        ArgumentNullException.ThrowIfNull(settingsOf);
        ArgumentNullException.ThrowIfNull(progress);
        cancellationToken.ThrowIfCancellationRequested();
        string configPath = Path.Combine(sourceDirectory, "config.json");
        ModelJson config = ModelJson.ReadFile(configPath);
        if ((config.Find("quantization") ?? config.Find("quantization_config")) is not null)
        {
            throw new UnsupportedException(configPath, "the weights are already quantized.",
                "Start from the model's unquantized weights.");
        }

        DecoderModule[] modules = ExpertModules(config, configPath);
        var experts = modules.Where(m => m.SwitchPath is not null)
            .SelectMany(m => m.HuggingFacePaths.Select((path, i) => (Path: path, i, m)))
            .ToDictionary(e => $"{e.Path}.weight", e => (Tensor: $"{e.m.SwitchPath}.weight", Expert: e.i), StringComparer.Ordinal);
        HashSet<string> routers = [.. modules.Where(m => m.IsRouter).Select(m => m.HuggingFace)];

        // As mlx-lm does for Qwen3's routers: a few weights decide much.
        MlxQuantization? Settings(string module) =>
            settingsOf(module) is { } settings && routers.Contains(module) && settings.Bits < s_router.Bits ? s_router : settingsOf(module);
        bool isTied = config.Find("tie_word_embeddings")?.AsBoolean() ?? false;
        using SafetensorsModel model = SafetensorsModel.Open(sourceDirectory);
        if (isTied) TiedHead.Check(model);
        PlannedTensor[] plan = [.. model.Tensors.Values
            .Where(t => !(isTied && t.Name == "lm_head.weight") && !t.Name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal))
            .GroupBy(t => experts.TryGetValue(t.Name, out var expert) ? expert.Tensor : t.Name)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => Plan(group.Key, [.. group.OrderBy(t => experts.GetValueOrDefault(t.Name).Expert)], Settings))];
        CheckExperts(modules, model, plan);

        Prepare(outputDirectory);
        SafetensorsSpec[] specs = [.. plan.SelectMany(t => t.Specs())];
        using (var writer = new SafetensorsWriter(Path.Combine(outputDirectory, SafetensorsModel.SingleFile), specs, format: "mlx"))
        {
            long total = plan.Sum(t => t.ElementCount);
            long done = 0;
            foreach (PlannedTensor tensor in plan)
            {
                foreach (long elements in Write(writer, model, sourceDirectory, tensor))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    done += elements;
                    progress.Report((double)done / total);
                }
            }

            writer.Complete();
        }

        WriteIndex(outputDirectory, plan, specs);
        WriteConfig(configPath, outputDirectory, quantization, plan);
        ModelSideFiles.Copy(sourceDirectory, outputDirectory);
    }

    /// <summary>Experts and routers of a model; none of one without.</summary>
    /// <exception cref="UnsupportedException">Experts lie in a way that isn't gathered.</exception>
    private static DecoderModule[] ExpertModules(ModelJson json, string path)
    {
        string[] counts = ["num_experts", "num_local_experts", "n_routed_experts"];
        if (!counts.Any(key => json.Find(key) is { } count && count.AsInt64() > 1)) return [];
        HuggingFaceConfig config = HuggingFaceConfig.Read(json, path);
        if (config.Latent is not null || config.Architecture.Experts is { ArePacked: true })
        {
            throw new UnsupportedException(path,
                $"{config.Architecture.Name} models are not quantized for MLX, which lays them out otherwise.", "Take a GGUF variant.");
        }

        return [.. DecoderModule.Of(config).Where(module => module.SwitchPath is not null || module.IsRouter)];
    }

    /// <exception cref="ModelFormatException">An expert is missing or of another shape or type than its equals.</exception>
    private static void CheckExperts(DecoderModule[] modules, SafetensorsModel model, PlannedTensor[] plan)
    {
        Dictionary<string, PlannedTensor> byName = plan.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (DecoderModule module in modules.Where(module => module.SwitchPath is not null))
        {
            string? missing = module.HuggingFacePaths.FirstOrDefault(path => !model.Tensors.ContainsKey($"{path}.weight"));
            if (missing is not null) throw new ModelFormatException(model.Files[0], null, $"the tensor '{missing}.weight' is missing.");
            foreach (SafetensorsTensorInfo source in byName[$"{module.SwitchPath}.weight"].Sources)
            {
                MatrixShape.Expect(model, source, module.Rows, module.Columns);
                if (source.DType != model.Tensors[$"{module.PathOf(0)}.weight"].DType)
                    throw MatrixShape.Wrong(model, source, $"is of type {source.DType}, and other experts aren't.");
            }
        }
    }

    private static PlannedTensor Plan(string name, ImmutableArray<SafetensorsTensorInfo> sources,
        Func<string, MlxQuantization?> settingsOf)
    {
        const string Suffix = ".weight";
        SafetensorsTensorInfo tensor = sources[0];
        bool isMatrix = tensor.Shape.Length == 2 && name.EndsWith(Suffix, StringComparison.Ordinal)
            && tensor.DType is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16;
        string module = isMatrix ? name[..^Suffix.Length] : "";
        MlxQuantization? settings = isMatrix ? settingsOf(module) : null;
        bool fits = settings is not null && tensor.Shape[0] > 0 && tensor.Shape[1] > 0 && tensor.Shape[1] % settings.GroupSize == 0;
        return new PlannedTensor(name, sources, module, fits ? settings : null);
    }

    private static void Prepare(string directory)
    {
        DiskFault.AsRequest($"The directory '{directory}' can't be made", "Give a directory that may be written to.",
            () => Directory.CreateDirectory(directory));
    }

    /// <summary>Writes a tensor piece by piece; yields the number of elements of each.</summary>
    private static IEnumerable<long> Write(SafetensorsWriter writer, SafetensorsModel model, string directory, PlannedTensor tensor)
    {
        foreach (SafetensorsTensorInfo source in tensor.Sources)
        {
            IEnumerable<long> pieces = tensor.Settings is { } settings ? Quantize(writer, model, directory, tensor, source, settings)
                : Copy(writer, model, tensor, source);
            foreach (long elements in pieces) yield return elements;
        }
    }

    private static IEnumerable<long> Copy(SafetensorsWriter writer, SafetensorsModel model, PlannedTensor tensor,
        SafetensorsTensorInfo source)
    {
        GgmlType type = source.DType switch
        {
            SafetensorsDType.F32 => GgmlType.F32,
            SafetensorsDType.F16 => GgmlType.F16,
            SafetensorsDType.BF16 => GgmlType.BF16,
            _ => GgmlType.I8, // not looked at
        };
        for (long at = 0; at < source.ByteSize; at += ChunkElements)
        {
            int count = (int)Math.Min(ChunkElements, source.ByteSize - at);
            FloatRows.Check(model.Span(source, at, count), type, model, source, at / source.ElementBytes);
            writer.Append(tensor.Name, model.Span(source, at, count));
            yield return count / source.ElementBytes;
        }
    }

    private static IEnumerable<long> Quantize(SafetensorsWriter writer, SafetensorsModel model, string directory, PlannedTensor tensor,
        SafetensorsTensorInfo source, MlxQuantization settings)
    {
        FloatMatrix matrix = FloatMatrix.Open(model, directory, source.Name);
        var row = new RowBuffers(matrix.Columns, settings, FloatMatrix.CodecOf(matrix.DType));
        long pending = 0;
        for (int r = 0; r < matrix.Rows; r++)
        {
            row.Quantize(matrix, r, model.Files[source.Part], source.Name);
            writer.Append(tensor.Name, row.Packed);
            writer.Append($"{tensor.Module}.scales", row.Scales);
            if (settings.Mode == MlxMode.Affine) writer.Append($"{tensor.Module}.biases", row.Biases);
            pending += matrix.Columns;
            if (pending < ChunkElements) continue;
            yield return pending;
            pending = 0;
        }

        yield return pending;
    }

    /// <summary>Which file holds which tensor, with sizes; mlx-lm writes it for a single file too.</summary>
    private static void WriteIndex(string directory, PlannedTensor[] plan, SafetensorsSpec[] specs)
    {
        var map = new JsonObject();
        foreach (SafetensorsSpec spec in specs.OrderBy(s => s.Name, StringComparer.Ordinal))
            map.Add(spec.Name, SafetensorsModel.SingleFile);
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["total_size"] = specs.Sum(s => s.ByteSize),
                ["total_parameters"] = plan.Sum(t => t.ElementCount),
            },
            ["weight_map"] = map,
        };
        WriteJson(Path.Combine(directory, SafetensorsModel.IndexFile), index);
    }

    /// <summary>The source's settings, sorted, with those of the quantization under both names that mlx-lm writes.</summary>
    private static void WriteConfig(string source, string directory, MlxQuantization quantization, PlannedTensor[] plan)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(source))?.AsObject() ?? [];
        JsonObject settings = ToJson(quantization);
        settings.Add("mode", quantization.ModeName);
        foreach (PlannedTensor tensor in plan)
        {
            if (tensor.Settings is not { } own || own == quantization) continue;
            JsonObject json = ToJson(own);
            if (own.Mode != MlxMode.Affine) json.Add("mode", own.ModeName);
            settings.Add(tensor.Module, json);
        }

        config.Remove("_name_or_path");
        config["quantization"] = settings;
        config["quantization_config"] = settings.DeepClone();
        var sorted = new JsonObject();
        foreach ((string key, JsonNode? value) in config.OrderBy(member => member.Key, StringComparer.Ordinal))
            sorted.Add(key, value?.DeepClone());
        WriteJson(Path.Combine(directory, "config.json"), sorted);
    }

    private static void WriteJson(string path, JsonObject json)
    {
        DiskFault.AsRequest($"The file '{path}' can't be written", "Check that the disk has room.",
            () => File.WriteAllText(path, json.ToJsonString(s_indented)));
    }

    private static JsonObject ToJson(MlxQuantization settings) => new() { ["group_size"] = settings.GroupSize, ["bits"] = settings.Bits };

    /// <summary>A tensor and what it becomes of.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Sources">Tensors of the source: more than one for experts, which lie one behind the other.</param>
    /// <param name="Module">Path of its module; empty when it isn't a matrix.</param>
    /// <param name="Settings">How it is quantized; null = copied.</param>
    private sealed record PlannedTensor(string Name, ImmutableArray<SafetensorsTensorInfo> Sources, string Module,
        MlxQuantization? Settings)
    {
        public long ElementCount => Sources.Sum(source => source.ElementCount);

        public IEnumerable<SafetensorsSpec> Specs()
        {
            SafetensorsTensorInfo first = Sources[0];
            ImmutableArray<long> before = Sources.Length > 1 ? [Sources.Length] : [];
            if (Settings is not { } settings)
            {
                yield return new SafetensorsSpec(Name, first.DType, [.. before, .. first.Shape]);
                yield break;
            }

            (long rows, long columns) = (first.Shape[0], first.Shape[1]);
            ImmutableArray<long> scales = [.. before, rows, columns / settings.GroupSize];
            yield return new SafetensorsSpec(Name, SafetensorsDType.U32, [.. before, rows, columns * settings.Bits / 32]);
            if (settings.Mode != MlxMode.Affine)
            {
                yield return new SafetensorsSpec($"{Module}.scales", SafetensorsDType.U8, scales);
                yield break;
            }

            yield return new SafetensorsSpec($"{Module}.scales", first.DType, scales);
            yield return new SafetensorsSpec($"{Module}.biases", first.DType, scales);
        }
    }

    /// <summary>Room for one row in all its forms.</summary>
    private sealed class RowBuffers(int columns, MlxQuantization settings, IBlockCodec codec)
    {
        private readonly float[] _values = new float[columns];
        private readonly byte[] _packed = new byte[MlxAffine.PackedBytes(columns, settings.Bits)];
        private readonly float[] _scales = new float[columns / settings.GroupSize];
        private readonly float[] _biases = new float[columns / settings.GroupSize];
        private readonly byte[] _scaleBytes =
            new byte[columns / settings.GroupSize * (settings.Mode == MlxMode.Affine ? codec.BlockBytes : 1)];
        private readonly byte[] _biasBytes = new byte[columns / settings.GroupSize * codec.BlockBytes];

        public ReadOnlySpan<byte> Packed => _packed;

        public ReadOnlySpan<byte> Scales => _scaleBytes;

        public ReadOnlySpan<byte> Biases => _biasBytes;

        public void Quantize(FloatMatrix matrix, int row, string file, string tensor)
        {
            matrix.ReadRows(row, 1, _values);
            FiniteWeights.Check(_values, file, tensor, (long)row * matrix.Columns, matrix.Columns);
            if (settings.Mode != MlxMode.Affine)
            {
                MlxFloats.QuantizeRow(_values, settings, _packed, _scaleBytes);
                return;
            }

            MlxAffine.QuantizeRow(_values, settings, _packed, _scales, _biases);
            codec.Quantize(_scales, _scaleBytes);
            codec.Quantize(_biases, _biasBytes);
        }
    }
}
