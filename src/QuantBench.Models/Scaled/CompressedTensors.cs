using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Files;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Scaled;

/// <summary>
/// Weights as compressed-tensors stores them, by llm-compressor for vLLM: whole numbers packed in 32-bit words or bytes, FP8, NVFP4 and
/// MXFP4. What a module's tensors are tells how it is stored; the configuration adds what they don't show.
/// </summary>
internal sealed class CompressedTensors : QuantizedWeights
{
    private static readonly SafetensorsDType[] s_words = [SafetensorsDType.I32, SafetensorsDType.U32];

    private readonly (int Rows, int Columns) _block;

    /// <param name="json">The quantization's settings.</param>
    /// <exception cref="ModelFormatException">They are broken, or of a kind that isn't read.</exception>
    public CompressedTensors(ModelJson json)
    {
        CheckKeys(json, "quant_method", "format", "config_groups", "ignore", "kv_cache_scheme", "quantization_status",
            "global_compression_ratio", "sparsity_config", "transform_config", "version");
        if (json.Find("sparsity_config") is { IsObject: true } sparsity && sparsity.Find("format")?.AsString() is { } sparse
            && sparse != "dense")
        {
            throw new UnsupportedException(json.File, $"sparse weights ('sparsity_config.format' is '{sparse}') are not read.");
        }

        if (json.Find("transform_config") is { IsObject: true } transform && transform.Find("config_groups") is { IsObject: true } turns
            && turns.Members().Any())
        {
            throw new UnsupportedException(json.File, "transforms of activations ('transform_config') are not read.");
        }

        if (json.Find("quantization_status")?.AsString() is { } status && status != "compressed")
        {
            throw new UnsupportedException(json.File,
                $"weights with 'quantization_status' '{status}' are not read; 'compressed' ones are.");
        }

        string? first = null;
        bool roundsInputs = false;
        foreach ((_, ModelJson group) in json.Get("config_groups").Members())
        {
            CheckKeys(group, "targets", "weights", "input_activations", "output_activations", "format");
            roundsInputs |= group.Find("input_activations") is not null || group.Find("output_activations") is not null;
            if (group.Find("weights") is not { } weights) continue;
            CheckKeys(weights, "num_bits", "type", "symmetric", "group_size", "strategy", "block_structure", "dynamic", "actorder",
                "observer", "observer_kwargs", "scale_dtype", "zp_dtype");
            if (weights.Find("block_structure") is { } block) _block = ReadBlock(block);
            first ??= Name(weights);
        }

        if (first is null) throw new UnsupportedException(json.File, "no group of 'config_groups' quantizes weights.");
        Variant = $"compressed-tensors:{first}";
        bool roundsCache = json.Find("kv_cache_scheme") is not null;
        Note = (roundsInputs, roundsCache) switch
        {
            (true, true) => Rounded("activations and the KV cache"),
            (true, false) => Rounded("activations"),
            (false, true) => Rounded("the KV cache's numbers"),
            _ => null,
        };
    }

    /// <inheritdoc/>
    public override string Variant { get; }

    /// <inheritdoc/>
    public override string? Note { get; }

    /// <inheritdoc/>
    public override IWeightMatrix? Open(SafetensorsModel model, string directory, string module)
    {
        long bytes = Bytes(model, module, "weight", "weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx",
            "weight_global_scale");
        string scales = $"{module}.weight_scale";
        if (model.Tensors.TryGetValue($"{module}.weight_packed", out SafetensorsTensorInfo? packed))
        {
            return packed.DType == SafetensorsDType.U8
                ? OpenFloats(model, directory, module, bytes) : OpenWords(model, directory, module, bytes);
        }

        if (!model.Tensors.ContainsKey(scales)) return null;
        (SafetensorsTensorInfo weight, int rows, int columns) =
            MatrixShape.Require(model, directory, $"{module}.weight", SafetensorsDType.F8_E4M3, SafetensorsDType.I8);
        bool isFloat = weight.DType == SafetensorsDType.F8_E4M3;
        var grid = ScaleGrid.Open(model, directory, scales, rows, columns, _block);
        return new ScaledMatrix(model, weight, isFloat ? ElementCode.E4M3 : ElementCode.Int8, columns, grid, bytes)
        {
            Zeros = isFloat ? null : BytesOfZeros(model, $"{module}.weight_zero_point", rows, grid),
        };
    }

    /// <summary>NVFP4 and MXFP4: two floats per byte, a scale per 16 or 32 of a row; NVFP4's are divided by one per matrix.</summary>
    private static ScaledMatrix OpenFloats(SafetensorsModel model, string directory, string module, long bytes)
    {
        (SafetensorsTensorInfo packed, int rows, int half) =
            MatrixShape.Require(model, directory, $"{module}.weight_packed", SafetensorsDType.U8);
        bool isNv = model.Tensors.ContainsKey($"{module}.weight_global_scale");
        float factor = isNv ? ScaleGrid.Single(model, directory, $"{module}.weight_global_scale") : 1;
        var grid = ScaleGrid.Open(model, directory, $"{module}.weight_scale", rows, 2 * half, (1, isNv ? 16 : 32), factor, isNv);
        return new ScaledMatrix(model, packed, ElementCode.E2M1, 2 * half, grid, bytes);
    }

    /// <summary>Whole numbers of 4 or 8 bits in words.</summary>
    private static ScaledMatrix OpenWords(SafetensorsModel model, string directory, string module, long bytes)
    {
        (SafetensorsTensorInfo packed, int rows, int words) =
            MatrixShape.Require(model, directory, $"{module}.weight_packed", s_words);
        if (!model.Tensors.TryGetValue($"{module}.weight_shape", out SafetensorsTensorInfo? shape) || shape.ElementCount != 2
            || shape.DType is not (SafetensorsDType.I64 or SafetensorsDType.I32))
        {
            throw MatrixShape.Wrong(model, packed, "has no 'weight_shape' of two numbers beside it.");
        }

        ReadOnlySpan<byte> sizes = model.Span(shape, 0, (int)shape.ByteSize);
        (long saidRows, long saidColumns) = shape.DType == SafetensorsDType.I64
            ? (MemoryMarshal.Cast<byte, long>(sizes)[0], MemoryMarshal.Cast<byte, long>(sizes)[1])
            : (MemoryMarshal.Cast<byte, int>(sizes)[0], MemoryMarshal.Cast<byte, int>(sizes)[1]);
        int bits = saidColumns <= 0 ? 0 : saidColumns > 4L * words ? 4 : 8;
        if (saidRows != rows || bits == 0 || (saidColumns * bits + 31) / 32 != words)
        {
            throw new UnsupportedException(model.Files[packed.Part],
                $"the tensor '{packed.Name}' has the shape [{rows}, {words}] for a matrix of [{saidRows}, {saidColumns}]: that is "
                    + "neither 4 nor 8 bits per weight, which are those that are read.");
        }

        int columns = (int)saidColumns;
        var grid = ScaleGrid.Open(model, directory, $"{module}.weight_scale", rows, columns, (0, 0));
        return new ScaledMatrix(model, packed, bits == 4 ? ElementCode.Offset4 : ElementCode.Offset8, columns, grid, bytes)
        {
            Zeros = WordsOfZeros(model, $"{module}.weight_zero_point", rows, bits, grid),
            GroupOf = Groups(model, $"{module}.weight_g_idx", columns, grid),
        };
    }

    private static sbyte[]? BytesOfZeros(SafetensorsModel model, string name, int rows, ScaleGrid grid)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor)) return null;
        if (tensor.DType != SafetensorsDType.I8 || grid.GroupRows != 1 || tensor.ElementCount != (long)rows * grid.Across)
            throw MatrixShape.Wrong(model, tensor, "doesn't hold a zero point of type I8 for each scale.");
        return MemoryMarshal.Cast<byte, sbyte>(model.Span(tensor, 0, (int)tensor.ByteSize)).ToArray();
    }

    /// <summary>Zero points, packed along the rows and stored as weights are: less the middle.</summary>
    private static sbyte[]? WordsOfZeros(SafetensorsModel model, string name, int rows, int bits, ScaleGrid grid)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor)) return null;
        if (tensor.DType == SafetensorsDType.I8) return BytesOfZeros(model, name, rows, grid);
        int perWord = 32 / bits, lines = (rows + perWord - 1) / perWord;
        if (tensor.DType is not (SafetensorsDType.I32 or SafetensorsDType.U32) || grid.GroupRows != 1)
            throw MatrixShape.Wrong(model, tensor, $"is of type {tensor.DType}, which zero points aren't.");
        MatrixShape.Expect(model, tensor, lines, grid.Across);
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(model.Span(tensor, 0, (int)tensor.ByteSize));
        sbyte[] zeros = new sbyte[rows * grid.Across];
        for (int row = 0; row < rows; row++)
        {
            for (int g = 0; g < grid.Across; g++)
            {
                uint stored = words[(row / perWord * grid.Across) + g] >> (bits * (row % perWord)) & ((1u << bits) - 1);
                zeros[(row * grid.Across) + g] = (sbyte)((int)stored - (1 << (bits - 1)));
            }
        }

        return zeros;
    }

    private static int[]? Groups(SafetensorsModel model, string name, int columns, ScaleGrid grid)
    {
        if (!model.Tensors.TryGetValue(name, out SafetensorsTensorInfo? tensor)) return null;
        if (tensor.DType != SafetensorsDType.I32) throw MatrixShape.Wrong(model, tensor, $"is of type {tensor.DType}; I32 was expected.");
        MatrixShape.Expect(model, tensor, columns);
        int[] groups = MemoryMarshal.Cast<byte, int>(model.Span(tensor, 0, (int)tensor.ByteSize)).ToArray();
        if (groups.Contains(-1)) return null; // The library's way to say that there is no order.
        return groups.FirstOrDefault(g => g < 0 || g >= grid.Across, -1) is var wrong and not -1
            ? throw MatrixShape.Wrong(model, tensor, $"names group {wrong}, but there are {grid.Across}.")
            : groups;
    }

    private static (int Rows, int Columns) ReadBlock(ModelJson block)
    {
        if (block.IsString)
        {
            string[] parts = block.AsString().Split('x');
            return parts.Length == 2 && int.TryParse(parts[0], out int rows) && int.TryParse(parts[1], out int columns)
                && rows > 0 && columns > 0 ? (rows, columns) : throw block.Wrong("two numbers above 0");
        }

        return block.Count == 2 ? (block[0].AsInt32(1, int.MaxValue), block[1].AsInt32(1, int.MaxValue))
            : throw block.Wrong("two numbers above 0");
    }

    private static string Name(ModelJson weights)
    {
        int bits = weights.Get("num_bits").AsInt32(1, 16);
        string type = weights.Find("type")?.AsString() ?? "int", strategy = weights.Find("strategy")?.AsString() ?? "tensor";
        long group = weights.Find("group_size")?.AsInt64() ?? -1;
        return (type, bits, strategy, group) switch
        {
            ("float", 8, "tensor" or "channel" or "block", _) => $"fp8-{strategy}",
            ("float", 4, _, 16) => "nvfp4",
            ("float", 4, _, 32) => "mxfp4",
            ("int", 4 or 8, "group", > 0) => $"{bits}bit-g{group}",
            ("int", 4 or 8, "channel", _) => $"{bits}bit-channel",
            _ => throw new UnsupportedException(weights.File,
                $"weights of {bits} bits, type '{type}', strategy '{strategy}' are not read.",
                "Read are int of 4 or 8 bits by group or channel, float of 8 bits by tensor, channel or block, and float of 4 bits by "
                    + "groups of 16 (NVFP4) or 32 (MXFP4)."),
        };
    }
}
