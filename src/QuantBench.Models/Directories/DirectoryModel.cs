using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;
using QuantBench.Models.Conversion;
using QuantBench.Models.Graphs;
using QuantBench.Models.Scaled;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Directories;

/// <summary>
/// A model directory in the Hugging Face layout (floats or quantized), read as if it were a GGUF file: by GGUF's keys and tensor
/// names, so that an engine needs to know one set of names. Rows of Q and K keep the directory's order: rotary positions turn halves in
/// every architecture.
/// </summary>
public sealed class DirectoryModel : IModelFile
{
    private static readonly ImmutableArray<string> s_suffixes = ["weight", "bias", "scales", "biases", "qweight", "qzeros", "g_idx"];

    private readonly string _directory;
    private readonly HuggingFaceConfig _config;
    private readonly SafetensorsWeights _weights;
    private readonly Dictionary<string, DecoderModule> _modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _computed = new(StringComparer.Ordinal);

    private DirectoryModel(string directory, HuggingFaceConfig config, SafetensorsWeights weights)
    {
        (_directory, _config, _weights) = (directory, config, weights);
        foreach (DecoderModule module in DecoderModule.Of(config)) _modules.Add(module.Gguf, module);
        foreach ((string name, float[] factors) in config.Rope.Tensors(config.HeadWidth)) _computed.Add(name, factors);
        Metadata = new GgufMetadata(System.IO.Path.Combine(directory, "config.json"));
        HuggingFaceMetadata.Add(Metadata, config, config.Architecture);
        config.Multipliers?.AddTo(Metadata, config.Architecture.Name);
        CheckNames();
        if (config.TiesEmbeddings) TiedHead.Check(weights.Model);
        ParameterCount = CountParameters();
        TensorBytes = weights.Model.Tensors.Values.Where(tensor => !config.IsRedundant(tensor.Name))
            .Sum(tensor => tensor.ByteSize);
    }

    /// <summary>Sizes and constants under GGUF's keys. The architecture is GGUF's too, but for <c>mistral</c>, whose sliding windows GGUF
    /// doesn't hold.</summary>
    public GgufMetadata Metadata { get; }

    /// <inheritdoc/>
    public string Path => _directory;

    /// <inheritdoc/>
    public bool RotatesHalves => true;

    /// <summary>The mapped tensors.</summary>
    public SafetensorsModel Tensors => _weights.Model;

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
        [.. _computed.Keys, .. _modules.Values.Select(module => module.GgufTensor),
            .. _modules.Keys.Where(HasBias).Select(name => $"{name}.bias")];

    /// <summary>Opens a directory.</summary>
    /// <param name="directory">A directory with <c>config.json</c> and <c>*.safetensors</c>.</param>
    /// <exception cref="RequestException">A file is missing.</exception>
    /// <exception cref="ModelFormatException">A file is broken, or the model is of a kind that isn't read; the message names what is
    /// missing.</exception>
    public static DirectoryModel Open(string directory)
    {
        string path = System.IO.Path.Combine(directory, "config.json");
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

    /// <inheritdoc/>
    public string? Unreadable() => null; // What can't be read was refused when the directory was opened.

    /// <inheritdoc/>
    WeightMatrix IModelFile.Matrix(string name, int? rows, int columns)
    {
        return Expect(Matrix(name), name, rows, columns);
    }

    /// <inheritdoc/>
    WeightMatrix[] IModelFile.Matrices(string name, int count, int rows, int columns)
    {
        DecoderModule module = Find(name);
        if (StackedPath(module) is { } path)
        {
            IWeightMatrix all = _weights.Matrix(path, count);
            if (all.Rows != (long)count * rows || all.Columns != columns) throw WrongShape(path, all, (long)count * rows, columns);
            WeightMatrix whole = all is FloatMatrix floats ? floats.AsBlocks() : new WeightMatrix(all);
            return [.. Enumerable.Range(0, count).Select(i => whole.Slice(i * rows, rows))];
        }

        return [.. Enumerable.Range(0, count).Select(i => Expect(
            PackedExperts.Holds(module) ? PackedExperts.Matrix(_weights.Model, _directory, module, i) : Matrix(module, module.PathOf(i)),
            name, rows, columns))];
    }

    /// <inheritdoc/>
    IWeightMatrix IModelFile.Matrix(DecoderModule module) => Matrix(module.Gguf);

    /// <inheritdoc/>
    void IModelFile.Release(DecoderModule module)
    {
        foreach (string path in StackedPath(module) is { } stacked ? [stacked] : module.HuggingFacePaths)
        {
            if (Tensors.Tensors.TryGetValue($"{path}.weight", out SafetensorsTensorInfo? tensor)) Tensors.Release(tensor);
        }
    }

    /// <summary>Whether there is a tensor.</summary>
    /// <param name="name">GGUF's name, e.g. <c>blk.0.attn_q.bias</c>.</param>
    public bool Contains(string name) =>
        _computed.ContainsKey(name)
            || (Split(name) is (var module, var suffix)
                && (_modules.GetValueOrDefault(module)?.GgufTensor == name || (suffix == "bias" && HasBias(module))));

    /// <summary>A matrix.</summary>
    /// <param name="name">GGUF's name without <c>.weight</c>, e.g. <c>blk.0.attn_q</c>.</param>
    /// <returns>Valid until this is disposed. A <see cref="FloatMatrix"/> gives its stored bytes as well.</returns>
    /// <exception cref="ModelFormatException">It is missing, or its shape isn't the configuration's.</exception>
    public IWeightMatrix Matrix(string name)
    {
        DecoderModule module = Find(name);
        return Matrix(module, module.PathOf(0));
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
        DecoderModule module = Find(parts.Module);
        if (PackedExperts.Holds(module)) return PackedExperts.Biases(_weights.Model, _directory, module);
        if (module.Role == DecoderRole.SharedRouter) // a matrix of one row
        {
            IWeightMatrix matrix = Matrix(parts.Module);
            float[] row = new float[matrix.Columns];
            matrix.ReadRows(0, 1, row);
            return row;
        }

        float[] values = _weights.Vector(name == module.GgufTensor ? module.WeightName : $"{module.HuggingFace}.{parts.Suffix}", length);
        if (module.IsNorm && parts.Suffix == "weight" && _config.Architecture.NormOffset is not 0 and var offset)
        {
            for (int i = 0; i < values.Length; i++) values[i] += offset;
        }

        return values;
    }

    /// <summary>Unmaps the files; matrices are no longer valid.</summary>
    public void Dispose() => _weights.Dispose();

    private IWeightMatrix Matrix(DecoderModule module, string path)
    {
        IWeightMatrix matrix = _weights.Matrix(path);
        return matrix.Rows == module.Rows && matrix.Columns == module.Columns ? matrix
            : throw WrongShape(path, matrix, module.Rows, module.Columns);
    }

    private ModelFormatException WrongShape(string path, IWeightMatrix matrix, long rows, long columns) => new(_directory, null,
        $"the weights of '{path}' have the shape [{matrix.Rows}, {matrix.Columns}], but by config.json it is [{rows}, {columns}].");

    /// <summary>Path of all experts of a module where they lie in one tensor, as MLX has them; else null.</summary>
    private string? StackedPath(DecoderModule module) =>
        module.SwitchPath is { } path && _weights.HasVector($"{path}.weight") ? path : null;

    private WeightMatrix Expect(IWeightMatrix matrix, string name, int? rows, int columns)
    {
        if (matrix.Columns != columns || (rows is { } wanted && matrix.Rows != wanted))
        {
            throw new ModelFormatException(Path, null,
                $"the weights of '{name}' have the shape [{matrix.Rows}, {matrix.Columns}]; rows of {columns} were expected.");
        }

        return matrix is FloatMatrix floats ? floats.AsBlocks() : new WeightMatrix(matrix);
    }

    private static (string Module, string Suffix)? Split(string name)
    {
        int dot = name.LastIndexOf('.');
        return dot < 0 ? null : (name[..dot], name[(dot + 1)..]);
    }

    private bool HasBias(string name) =>
        _modules.TryGetValue(name, out DecoderModule? module)
            && (PackedExperts.Holds(module) ? !PackedExperts.AreRows(module) : _weights.HasVector($"{module.HuggingFace}.bias"));

    private DecoderModule Find(string name) =>
        _modules.GetValueOrDefault(name)
            ?? throw new ModelFormatException(_directory, null, $"a {_config.Architecture.Name} model has no '{name}'.");

    /// <summary>A tensor nobody asks for means that the model computes something else.</summary>
    private void CheckNames()
    {
        HashSet<string> sources = [.. _modules.Values.SelectMany(module =>
            PackedExperts.Holds(module) ? PackedExperts.Tensors(_weights.Model, module)
                : StackedPath(module) is { } stacked ? [stacked] : module.HuggingFacePaths)];
        foreach (string name in _weights.Model.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            if (_config.IsRedundant(name) || sources.Contains(name)) continue;
            if (Format == WeightFormat.Scaled && QuantizedWeights.Split(name) is { } part && sources.Contains(part.Module)) continue;
            if (Split(name) is not (var module, var suffix) || !sources.Contains(module) || !s_suffixes.Contains(suffix))
            {
                throw new UnsupportedException(_directory,
                    $"the tensor '{name}' has no place in a {_config.Architecture.Name} model.");
            }
        }
    }

    private long CountParameters()
    {
        long count = 0;
        foreach ((string name, DecoderModule module) in _modules)
        {
            count += module.Rows * module.Columns * Math.Max(1, module.Experts);
            if (HasBias(name)) count += (module.IsNorm ? module.Columns : module.Rows) * Math.Max(1, module.Experts);
        }

        return count;
    }
}
