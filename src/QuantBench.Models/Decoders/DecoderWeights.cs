using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;
using QuantBench.Models.Directories;
using QuantBench.Models.Graphs;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Decoders;

/// <summary>
/// The weights of a llama-family decoder by the names of <see cref="DecoderModules"/>, in Hugging Face's row order: rotary positions turn
/// the pairs (j, j + size/2) of each head, whatever the file's own order is.
/// </summary>
public sealed class DecoderWeights : IDisposable
{
    private readonly IModelFile _file;
    private readonly FrozenDictionary<string, DecoderModule> _modules;

    private DecoderWeights(IModelFile file, HuggingFaceConfig? config)
    {
        _file = file;
        Check(file);
        Shape = DecoderShape.Read(file);
        _modules = DecoderModules.Of(Shape);
        CheckShape(file, Shape, _modules.Values);
        RopeFactors = RotaryFactors.Read(file, Shape);
        ModelJson? json = config is null ? null : TextConfig.Of(ModelJson.ReadFile(System.IO.Path.Combine(file.Path, "config.json")));
        BeginToken = Tokens("bos_token_id") is [var begin, ..] ? begin : null;
        EndTokens = Tokens("eos_token_id");

        ImmutableArray<int> Tokens(string key) =>
            json is { } root ? root.Find(key) is not { } given ? []
                : given.IsArray ? [.. given.Items().Select(Token)] : [Token(given)]
            : file.Metadata.FindInteger($"tokenizer.ggml.{key}") is { } id && id >= 0 && id < Shape.Vocabulary ? [(int)id] : [];

        int Token(ModelJson value) => value.AsInt32(0, Shape.Vocabulary - 1);
    }

    /// <summary>Its file or directory, for messages.</summary>
    public string Path => _file.Path;

    /// <summary>Sizes and constants.</summary>
    public DecoderShape Shape { get; }

    /// <summary>Divisors of rotary angles.</summary>
    public RotaryFactors RopeFactors { get; }

    /// <summary>Token that begins a text; null when there is none.</summary>
    public int? BeginToken { get; }

    /// <summary>Tokens that end a text.</summary>
    public ImmutableArray<int> EndTokens { get; }

    /// <summary>Opens a Hugging Face directory of float weights, or a GGUF file of floats or blocks.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="QuantBenchException">It can't be opened, is broken, or isn't a decoder of a known family.</exception>
    public static DecoderWeights Open(string path)
    {
        HuggingFaceConfig? config = Directory.Exists(path) ? HuggingFaceConfig.Read(path) : null;
        IModelFile file = config is null ? new GgufModelFile(path) : DirectoryModel.Open(path);
        try
        {
            var weights = new DecoderWeights(file, config);

            // The plan checks every shape, and that no tensor is there which the graph wouldn't use.
            if (file is DirectoryModel model && config is not null) _ = TensorPlan.Make(config, model.Tensors, path);
            return weights;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A matrix.</summary>
    /// <param name="module">Its name.</param>
    /// <exception cref="ModelFormatException">It is missing or of another shape.</exception>
    public IWeightMatrix Matrix(string module) => _file.Matrix(_modules[module]);

    /// <summary>A matrix's bias; null when it has none.</summary>
    /// <param name="module">Name of the matrix.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="ModelFormatException">It has another length or isn't of floats.</exception>
    public float[]? Bias(string module, int length)
    {
        DecoderModule wanted = _modules[module];
        string name = $"{wanted.Gguf}.bias";
        if (!_file.Contains(name)) return null;
        float[] stored = _file.Vector(name, length);
        return wanted.PermutedHeads == 0 || _file.RotatesHalves ? stored
            : [.. Enumerable.Range(0, length).Select(row => stored[GgufMatrix.StoredRow(row, length, wanted.PermutedHeads)])];
    }

    /// <summary>The matrices of all experts.</summary>
    /// <param name="module">Their name.</param>
    /// <exception cref="ModelFormatException">They are missing or of another shape.</exception>
    public ImmutableArray<IWeightMatrix> Experts(string module)
    {
        DecoderModule wanted = _modules[module];
        return [.. _file.Matrices(wanted.Gguf, wanted.Experts, checked((int)wanted.Rows), checked((int)wanted.Columns))
            .Select(IWeightMatrix (matrix) => new MappedMatrix(matrix))];
    }

    /// <summary>Biases of all experts, one behind the other; null when they have none.</summary>
    /// <param name="module">Name of the matrices.</param>
    public float[]? ExpertBiases(string module)
    {
        DecoderModule wanted = _modules[module];
        string name = $"{wanted.Gguf}.bias";
        return _file.Contains(name) ? _file.Vector(name, checked((int)wanted.Rows * wanted.Experts)) : null;
    }

    /// <summary>A norm's weights.</summary>
    /// <param name="module">Its name.</param>
    /// <param name="length">Their number.</param>
    /// <exception cref="ModelFormatException">They are missing, of another number or no floats.</exception>
    public float[] Norm(string module, int length) => _file.Vector($"{_modules[module].Gguf}.weight", length);

    /// <summary>Tells the system that a matrix's pages aren't needed for now, so that a conversion's memory doesn't grow with its
    /// source.</summary>
    /// <param name="module">Name of the matrix.</param>
    public void Release(string module) => _file.Release(_modules[module]);

    /// <summary>Unmaps the file; matrices are no longer valid.</summary>
    public void Dispose() => _file.Dispose();

    // What the exported graphs have no nodes for.
    private static void Check(IModelFile file)
    {
        GgufMetadata metadata = file.Metadata;
        string architecture = metadata.FindString(GgufConstants.Architecture) ?? "";
        if (DecoderArchitecture.Find(architecture) is null)
            throw Refused(file, $"a model of the architecture '{architecture}' can't be exported; {DecoderArchitecture.Names} can.");
        if (DecoderShape.IsEncoder(metadata)) throw Refused(file, "it is an encoder ('attention.causal' is false); decoders are exported.");
        if (DecoderShape.MetadataRefusal(metadata) is { } refusal) throw Refused(file, $"{refusal}.");
        if (DecoderArchitecture.Find(architecture) is { HasLatentAttention: true })
            throw Refused(file, "models with latent attention (MLA) are not exported.");
        if (DecoderShape.ExpertRefusal(metadata) is { } experts) throw Refused(file, $"{experts}.");
        if (metadata.FindString($"{architecture}.rope.scaling.type") is { } type && type is not ("none" or "linear" or "yarn"))
            throw Refused(file, $"the rotary scaling '{type}' is not exported; linear and yarn are.");
        if (TemperatureKey(metadata, architecture) is { } key) throw Refused(file, $"models with '{key}' are not exported.");
    }

    /// <summary>What of mistral3 the graphs have no nodes for.</summary>
    private static string? TemperatureKey(GgufMetadata metadata, string architecture) =>
        ((string[])[$"{architecture}.attention.temperature_scale", $"{architecture}.rope.scaling.yarn_log_multiplier"])
            .FirstOrDefault(key => metadata.FindNumber(key) is not (null or 0));

    private static void CheckShape(IModelFile file, DecoderShape shape, IEnumerable<DecoderModule> modules)
    {
        string architecture = shape.Architecture.Name;
        if (shape.HeadWidth % 2 != 0) throw Refused(file, $"the head size {shape.HeadWidth} is odd; rotary positions need pairs.");
        if ((file.Metadata.FindInteger($"{architecture}.attention.value_length") ?? shape.HeadWidth) != shape.HeadWidth)
            throw Refused(file, "keys and values of different width are not exported.");
        if (shape.RotatedWidth != shape.HeadWidth && shape.Architecture is { RotatesNeighbours: true, KeepsRowOrder: false })
            throw Refused(file, $"{architecture} models that rotate a part of each head are not exported.");
        HashSet<string> known = [.. modules.Select(module => $"{module.Gguf}.weight"),
            .. modules.Where(module => module.IsNorm ? shape.Architecture.HasNormBiases : module.Role > DecoderRole.FinalNorm)
                .Select(module => $"{module.Gguf}.bias"),
            "rope_freqs.weight"];
        if (file.TensorNames.Where(name => !known.Contains(name)).Order(StringComparer.Ordinal).FirstOrDefault() is { } unknown)
            throw Refused(file, $"the tensor '{unknown}' has no place in a {architecture} decoder.");
    }

    private static UnsupportedException Refused(IModelFile file, string reason) => new(file.Path, reason);
}
