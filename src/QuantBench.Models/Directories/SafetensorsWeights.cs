using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Awq;
using QuantBench.Models.Gptq;
using QuantBench.Models.Mlx;
using QuantBench.Models.Scaled;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Directories;

/// <summary>
/// The weights of a directory with <c>config.json</c> and <c>*.safetensors</c>: floats or quantized. Matrices are named by module
/// (<c>model.layers.0.self_attn.q_proj</c>); which of them are quantized is seen from their tensors, as layers of one model may differ.
/// </summary>
public sealed class SafetensorsWeights : IDisposable
{
    private readonly string _directory;
    private readonly MlxQuantizationConfig? _mlx;
    private readonly GptqConfig? _gptq;
    private readonly AwqConfig? _awq;
    private readonly QuantizedWeights? _scaled;

    private SafetensorsWeights(string directory, SafetensorsModel model, MlxQuantizationConfig? mlx, GptqConfig? gptq, AwqConfig? awq,
        QuantizedWeights? scaled) =>
        (_directory, Model, _mlx, _gptq, _awq, _scaled) = (directory, model, mlx, gptq, awq, scaled);

    /// <summary>The mapped tensors.</summary>
    public SafetensorsModel Model { get; }

    /// <summary>How quantized matrices are stored; <see cref="WeightFormat.Float"/> when there are none.</summary>
    public WeightFormat Format =>
        _mlx is not null ? WeightFormat.Mlx
            : _gptq is not null ? WeightFormat.Gptq : _awq is not null ? WeightFormat.Awq
            : _scaled is not null ? WeightFormat.Scaled : WeightFormat.Float;

    /// <summary>Opens the weights of a directory.</summary>
    /// <param name="directory">A directory in the Hugging Face layout.</param>
    /// <exception cref="RequestException">A file is missing.</exception>
    /// <exception cref="ModelFormatException">A file is broken, or the weights are quantized by a method that isn't read.</exception>
    public static SafetensorsWeights Open(string directory)
    {
        string path = Path.Combine(directory, "config.json");
        ModelJson config = ModelJson.ReadFile(path);
        MlxQuantizationConfig? mlx = MlxQuantizationConfig.Read(config);
        GptqConfig? gptq = mlx is null ? GptqConfig.Read(config, directory) : null;
        AwqConfig? awq = mlx is null && gptq is null ? AwqConfig.Read(config, directory) : null;
        bool packed = PackedExperts.IsOnlyQuantization(config);
        QuantizedWeights? scaled = mlx is null && gptq is null && awq is null && !packed ? QuantizedWeights.Read(config, directory) : null;
        if (mlx is null && gptq is null && awq is null && scaled is null && !packed && config.Find("quantization_config") is { } other)
        {
            string method = other.Find("quant_method")?.AsString() ?? "unknown";
            throw new UnsupportedException(
                path, $"the weights are quantized with '{method}', which is not read.",
                "MLX, GPTQ, AWQ, compressed-tensors, ModelOpt, FP8 and bitsandbytes are; or use the unquantized weights.");
        }

        SafetensorsModel model = SafetensorsModel.Open(directory);
        try
        {
            if (gptq is not null) gptq = GptqZeroPoints.Settle(gptq, model, directory);
            return new SafetensorsWeights(directory, model, mlx, gptq, awq, scaled);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The matrix of a module, in whatever format it is.</summary>
    /// <param name="module">Path of the module: a linear layer or an embedding.</param>
    /// <returns>An <see cref="MlxMatrix"/>, <see cref="GptqMatrix"/>, <see cref="AwqMatrix"/>, <see cref="FloatMatrix"/> or one that only
    /// gives rows.</returns>
    /// <exception cref="ModelFormatException">It is missing, or its tensors don't fit each other or the configuration.</exception>
    /// <param name="stacked">Matrices that lie one behind the other in each tensor, as MLX has experts, and are given as one; 0 = it is a
    /// single matrix.</param>
    public IWeightMatrix Matrix(string module, int stacked = 0)
    {
        if (_mlx is not null && _mlx.Find(Model, module) is { } quantization)
            return quantization.Open(Model, _directory, module, stacked);
        if (stacked > 0) return FloatMatrix.Open(Model, _directory, $"{module}.weight", stacked);
        bool isPacked = Model.Tensors.ContainsKey($"{module}.qweight");
        if (isPacked && _gptq is not null) return GptqMatrix.Open(Model, _directory, module, _gptq);
        if (isPacked && _awq is not null) return AwqMatrix.Open(Model, _directory, module, _awq);
        return _scaled?.Open(Model, _directory, module) ?? FloatMatrix.Open(Model, _directory, $"{module}.weight");
    }

    /// <summary>Whether there is a tensor of some name.</summary>
    /// <param name="tensor">Full name, e.g. <c>model.norm.weight</c>.</param>
    public bool HasVector(string tensor) => Model.Tensors.ContainsKey(tensor);

    /// <summary>A vector: a norm's weights or a layer's bias.</summary>
    /// <param name="tensor">Full name, e.g. <c>model.norm.weight</c>.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="ModelFormatException">It is missing, has another length or isn't of floats.</exception>
    public float[] Vector(string tensor, int length)
    {
        if (!Model.Tensors.TryGetValue(tensor, out SafetensorsTensorInfo? info))
            throw new ModelFormatException(_directory, null, $"the tensor '{tensor}' is missing.");
        if (info.DType is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16))
        {
            throw MatrixShape.Wrong(Model, info, $"is of type {info.DType}, not of floats.");
        }

        MatrixShape.Expect(Model, info, length);
        float[] values = new float[length];
        FloatMatrix.CodecOf(info.DType).Dequantize(Model.Span(info, 0, (int)info.ByteSize), values);
        return values;
    }

    /// <summary>Unmaps the files; matrices are no longer valid.</summary>
    public void Dispose() => Model.Dispose();
}
