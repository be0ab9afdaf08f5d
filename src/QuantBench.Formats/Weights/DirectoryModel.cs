using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Conversion;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Weights;

/// <summary>
/// A model directory in the Hugging Face layout (floats, MLX, GPTQ or AWQ), read as if it were a GGUF file: by GGUF's keys and tensor
/// names, so that an engine needs to know one set of names. Rows of Q and K keep the directory's order: rotary positions turn halves in
/// every architecture.
/// </summary>
public sealed class DirectoryModel : IDisposable
{
    private static readonly ImmutableArray<string> s_suffixes = ["weight", "bias", "scales", "biases", "qweight", "qzeros", "g_idx"];

    private readonly string _directory;
    private readonly HuggingFaceConfig _config;
    private readonly SafetensorsWeights _weights;
    private readonly Dictionary<string, HuggingFaceModule> _modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _computed = new(StringComparer.Ordinal);

    private DirectoryModel(string directory, HuggingFaceConfig config, SafetensorsWeights weights)
    {
        (_directory, _config, _weights) = (directory, config, weights);
        foreach (HuggingFaceModule module in HuggingFaceModule.Of(config)) _modules.Add(module.Target, module);
        foreach ((string name, float[] factors) in config.Rope.Tensors(config.HeadSize)) _computed.Add(name, factors);
        Metadata = new GgufMetadata(Path.Combine(directory, "config.json"));
        HuggingFaceMetadata.Add(Metadata, config, config.Architecture.Native);
        CheckNames();
        ParameterCount = CountParameters();
        TensorBytes = weights.Model.Tensors.Values.Where(tensor => !HuggingFaceModule.IsRedundant(tensor.Name, config))
            .Sum(tensor => tensor.ByteSize);
    }

    /// <summary>Sizes and constants under GGUF's keys. The architecture is GGUF's too, but for <c>mistral</c>, whose sliding windows GGUF
    /// doesn't hold.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>How matrices are stored.</summary>
    public WeightFormat Format => _weights.Format;

    /// <summary>Number of weights, however many bits each has.</summary>
    public long ParameterCount { get; }

    /// <summary>Bytes of all tensors.</summary>
    public long TensorBytes { get; }

    /// <summary>Bytes of the weight files.</summary>
    public long FileBytes => _weights.Model.Files.Sum(file => new FileInfo(file).Length);

    /// <summary>Names of all tensors, as GGUF has them.</summary>
    public IEnumerable<string> TensorNames =>
        [.. _computed.Keys, .. _modules.Keys.Select(name => $"{name}.weight"),
            .. _modules.Keys.Where(HasBias).Select(name => $"{name}.bias")];

    /// <summary>Opens a directory.</summary>
    /// <param name="directory">A directory with <c>config.json</c> and <c>*.safetensors</c>.</param>
    /// <exception cref="RequestException">A file is missing.</exception>
    /// <exception cref="ModelFormatException">A file is broken, or the model is of a kind that isn't read; the message names what is
    /// missing.</exception>
    public static DirectoryModel Open(string directory)
    {
        string path = Path.Combine(directory, "config.json");
        HuggingFaceConfig config = HuggingFaceConfig.Read(ModelJson.ReadFile(path), path);
        SafetensorsWeights weights = SafetensorsWeights.Open(directory);
        try
        {
            return new DirectoryModel(directory, config, weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor.</summary>
    /// <param name="name">GGUF's name, e.g. <c>blk.0.attn_q.bias</c>.</param>
    public bool Contains(string name) =>
        _computed.ContainsKey(name)
            || (Split(name) is (var module, var suffix)
                && (suffix == "weight" ? _modules.ContainsKey(module) : suffix == "bias" && HasBias(module)));

    /// <summary>A matrix.</summary>
    /// <param name="name">GGUF's name without <c>.weight</c>, e.g. <c>blk.0.attn_q</c>.</param>
    /// <returns>Valid until this is disposed. A <see cref="FloatMatrix"/> gives its stored bytes as well.</returns>
    /// <exception cref="ModelFormatException">It is missing, or its shape isn't the configuration's.</exception>
    public IWeightMatrix Matrix(string name)
    {
        HuggingFaceModule module = Find(name);
        IWeightMatrix matrix = _weights.Matrix(module.Source);
        return matrix.Rows == module.Rows && matrix.Columns == module.Columns
            ? matrix
            : throw new ModelFormatException(
                _directory, null,
                $"the weights of '{module.Source}' have the shape [{matrix.Rows}, {matrix.Columns}], but by config.json it is "
                    + $"[{module.Rows}, {module.Columns}].");
    }

    /// <summary>Reads a norm, a bias or the factors of rotary positions, with the values that GGUF would hold.</summary>
    /// <param name="name">GGUF's name, e.g. <c>blk.0.attn_norm.weight</c>.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="ModelFormatException">It is missing or has another length.</exception>
    public float[] Vector(string name, int length)
    {
        if (_computed.TryGetValue(name, out float[]? factors))
        {
            return factors.Length == length ? [.. factors]
                : throw new ModelFormatException(_directory, null, $"'{name}' has {factors.Length} elements; {length} were expected.");
        }

        (string Module, string Suffix) parts = Split(name) ?? (name, "weight");
        HuggingFaceModule module = Find(parts.Module);
        float[] values = _weights.Vector($"{module.Source}.{parts.Suffix}", length);
        if (module.IsNorm && _config.Architecture.NormOffset is not 0 and var offset)
        {
            for (int i = 0; i < values.Length; i++) values[i] += offset;
        }

        return values;
    }

    /// <summary>Unmaps the files; matrices are no longer valid.</summary>
    public void Dispose() => _weights.Dispose();

    private static (string Module, string Suffix)? Split(string name)
    {
        int dot = name.LastIndexOf('.');
        return dot < 0 ? null : (name[..dot], name[(dot + 1)..]);
    }

    private bool HasBias(string name) =>
        _modules.TryGetValue(name, out HuggingFaceModule? module) && _weights.HasVector($"{module.Source}.bias");

    private HuggingFaceModule Find(string name) =>
        _modules.GetValueOrDefault(name)
            ?? throw new ModelFormatException(_directory, null, $"a {_config.Architecture.Native} model has no '{name}'.");

    /// <summary>A tensor nobody asks for means that the model computes something else.</summary>
    private void CheckNames()
    {
        HashSet<string> sources = [.. _modules.Values.Select(module => module.Source)];
        foreach (string name in _weights.Model.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            if (HuggingFaceModule.IsRedundant(name, _config)) continue;
            if (Split(name) is not (var module, var suffix) || !sources.Contains(module) || !s_suffixes.Contains(suffix))
            {
                throw new ModelFormatException(_directory, null,
                    $"the tensor '{name}' has no place in a {_config.Architecture.Native} model.")
                { IsUnsupported = true };
            }
        }
    }

    private long CountParameters()
    {
        long count = 0;
        foreach ((string name, HuggingFaceModule module) in _modules)
        {
            count += module.Rows * module.Columns;
            if (HasBias(name)) count += module.Rows;
        }

        return count;
    }
}
