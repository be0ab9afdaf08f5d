using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Architectures;

namespace QuantBench.Models.Weights;

/// <summary>
/// Experts of which files hold all of a layer in one tensor: gpt-oss's, gate and up-projection as every other output, in MXFP4 (the
/// released files) or as floats with inputs first; and granite's, floats with outputs first, those of gates before those of up-projections.
/// </summary>
internal static class PackedExperts
{
    /// <summary>Whether a module's experts lie so.</summary>
    public static bool Holds(DecoderModule module) =>
        module.Experts > 0 && !module.HuggingFace.Contains('*', StringComparison.Ordinal);

    /// <summary>Whether outputs come first, and there are no biases.</summary>
    /// <param name="module">Experts that <see cref="Holds"/> accepts.</param>
    public static bool AreRows(DecoderModule module) => module.HuggingFace.EndsWith("_linear", StringComparison.Ordinal);

    /// <summary>Whether the weights of a model are quantized in no other way than this.</summary>
    /// <param name="config">The whole of <c>config.json</c>.</param>
    public static bool IsOnlyQuantization(ModelJson config) =>
        config.Find("quantization_config") is { IsObject: true } quantization
            && quantization.Find("quant_method") is { IsString: true } method && method.AsString() == "mxfp4"
            && config.Find("model_type") is { IsString: true } type && type.AsString() == "gpt_oss";

    /// <summary>Names of a module's tensors: weights, then biases, if it has any.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="module">Experts that <see cref="Holds"/> accepts.</param>
    public static IEnumerable<string> Tensors(SafetensorsModel model, DecoderModule module) =>
        AreRows(module) ? [module.WeightName] : (model.Tensors.ContainsKey($"{module.HuggingFace}_blocks")
            ? (string[])[$"{module.HuggingFace}_blocks", $"{module.HuggingFace}_scales"] : [module.HuggingFace])
            .Append($"{module.HuggingFace}_bias");

    /// <summary>The matrix of one expert.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="directory">Where they lie, for messages.</param>
    /// <param name="module">Experts that <see cref="Holds"/> accepts.</param>
    /// <param name="expert">Which of them.</param>
    /// <exception cref="ModelFormatException">A tensor is missing, or has another shape or type.</exception>
    public static IWeightMatrix Matrix(SafetensorsModel model, string directory, DecoderModule module, int expert)
    {
        (int step, int first) = Interleaving(module);
        long rows = module.Rows * step;
        if (AreRows(module))
        {
            FloatMatrix all = FloatMatrix.Open(model, directory, module.WeightName, module.Experts);
            MatrixShape.Expect(model, model.Tensors[module.WeightName], module.Experts, rows, module.Columns);
            return new RowsMatrix(all, checked((int)((expert * rows) + (first * module.Rows))), (int)module.Rows);
        }

        if (!model.Tensors.ContainsKey($"{module.HuggingFace}_blocks"))
        {
            SafetensorsTensorInfo floats = Find(model, directory, module.HuggingFace);
            MatrixShape.Expect(model, floats, module.Experts, module.Columns, rows);
            if (floats.DType is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16))
                throw MatrixShape.Wrong(model, floats, $"is of type {floats.DType}, not of floats.");
            return new TurnedMatrix(model, floats, expert, (int)module.Rows, (int)module.Columns, step, first);
        }

        SafetensorsTensorInfo blocks = Find(model, directory, $"{module.HuggingFace}_blocks");
        SafetensorsTensorInfo scales = Find(model, directory, $"{module.HuggingFace}_scales");
        const int Block = Mxfp4Matrix.BlockElements;
        MatrixShape.Expect(model, blocks, module.Experts, rows, module.Columns / Block, Block / 2);
        MatrixShape.Expect(model, scales, module.Experts, rows, module.Columns / Block);
        foreach (SafetensorsTensorInfo tensor in (SafetensorsTensorInfo[])[blocks, scales])
        {
            if (tensor.DType != SafetensorsDType.U8) throw MatrixShape.Wrong(model, tensor, $"is of type {tensor.DType}, not of bytes.");
        }

        return new Mxfp4Matrix(model, blocks, scales, expert, (int)module.Rows, (int)module.Columns, step, first);
    }

    /// <summary>Biases of all experts, [experts, rows].</summary>
    /// <exception cref="ModelFormatException">The tensor is missing, or has another shape or type.</exception>
    public static float[] Biases(SafetensorsModel model, string directory, DecoderModule module)
    {
        (int step, int first) = Interleaving(module);
        SafetensorsTensorInfo tensor = Find(model, directory, $"{module.HuggingFace}_bias");
        MatrixShape.Expect(model, tensor, module.Experts, module.Rows * step);
        if (tensor.DType is not (SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16))
            throw MatrixShape.Wrong(model, tensor, $"is of type {tensor.DType}, not of floats.");
        float[] all = new float[tensor.ElementCount];
        FloatMatrix.CodecOf(tensor.DType).Dequantize(model.Span(tensor, 0, (int)tensor.ByteSize), all);
        return step == 1 ? all : [.. all.Where((_, i) => i % step == first)];
    }

    private static (int Step, int First) Interleaving(DecoderModule module) => module.Role switch
    {
        DecoderRole.GateExperts => (2, 0),
        DecoderRole.UpExperts => (2, 1),
        _ => (1, 0),
    };

    private static SafetensorsTensorInfo Find(SafetensorsModel model, string directory, string name) =>
        model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor) ? tensor
            : throw new ModelFormatException(directory, null, $"the tensor '{name}' is missing.",
                "The model's files don't belong together; fetch them again.");
}
