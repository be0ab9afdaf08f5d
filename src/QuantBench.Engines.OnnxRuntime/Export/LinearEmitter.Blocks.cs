using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Products with blocks, and look-ups in them.</summary>
internal sealed partial class LinearEmitter
{
    private string BlockProduct(string name, string input, LinearWeights weights, WeightScheme scheme, string? output,
        string? tensor = null)
    {
        BlockTensors blocks = Store(tensor ?? name, weights, scheme);
        OnnxAttribute[] attributes =
        [
            new OnnxAttribute.Int("K", blocks.Columns),
            new OnnxAttribute.Int("N", blocks.Rows),
            new OnnxAttribute.Int("bits", blocks.Format.Bits),
            new OnnxAttribute.Int("block_size", blocks.Format.BlockSize),
            new OnnxAttribute.Int("accuracy_level", scheme.AccuracyLevel),
        ];
        string[] inputs = blocks.ZeroPoints is { } zeros ? [input, blocks.Packed, blocks.Scales, zeros]
            : [input, blocks.Packed, blocks.Scales];
        if (blocks.Minimums is not { } minimums)
            return graph.Node($"{name}/MatMulNBits", "MatMulNBits", GraphBuilder.Microsoft, inputs, output, attributes);

        // Σ x·(q·scale + minimum) over a block is Σ x·q·scale + minimum · Σ x: exact, where a float zero point would round and take the
        // slow path.
        string packed = graph.Node($"{name}/MatMulNBits", "MatMulNBits", GraphBuilder.Microsoft, inputs, null, attributes);
        string sums = graph.Once($"{input}:sums{blocks.Format.BlockSize}", () =>
        {
            string split = graph.Node($"{name}/Split", "Reshape", [input, graph.Ints(0, 0, blocks.Blocks, blocks.Format.BlockSize)]);
            return graph.Node($"{name}/ReduceSum", "ReduceSum", [split, graph.Ints(-1)], new OnnxAttribute.Int("keepdims", 0));
        });
        string offsets =
            graph.Node($"{name}/Minimums", "FusedMatMul", GraphBuilder.Microsoft, [sums, minimums], null,
                new OnnxAttribute.Int("transB", 1));
        return graph.Node($"{name}/AddMinimums", "Add", "", [packed, offsets], output);
    }

    /// <summary>Rows are gathered as they are stored and widened afterwards, with standard operators; the head may share the
    /// tensors.</summary>
    private string BlockLookUp(string name, string ids, LinearWeights weights, WeightScheme scheme)
    {
        BlockTensors blocks = Store(name, weights, scheme);
        if (blocks.ZeroPoints is not null && blocks.GgufType is null)
            throw new ArgumentException("embeddings are stored in symmetric blocks", nameof(scheme));
        string stored = graph.Node($"{name}/Gather", "Gather", [blocks.Packed, ids]);
        string quants = blocks.Format.Bits == 8 ? stored : Nibbles(name, stored, blocks);
        string floats = graph.Node($"{name}/Cast", "Cast", [quants], new OnnxAttribute.Int("to", (long)OnnxDataType.Float));
        int zero = blocks.ZeroPoints is null ? blocks.Format.Middle : 0;
        if (zero != 0) floats = graph.Node($"{name}/Sub", "Sub", [floats, graph.Number($"zero{zero}", zero)]);
        string scaled = graph.Node($"{name}/Mul", "Mul", [floats, PerBlock($"{name}/scales", blocks.Scales, ids)]);
        if (blocks.Minimums is { } minimums)
            scaled = graph.Node($"{name}/Add", "Add", [scaled, PerBlock($"{name}/minimums", minimums, ids)]);
        return graph.Node($"{name}/Reshape", "Reshape", [scaled, graph.Ints(0, 0, blocks.Columns)]);
    }

    private string PerBlock(string name, string tensor, string ids)
    {
        string rows = graph.Node($"{name}/Gather", "Gather", [tensor, ids]);
        return graph.Node($"{name}/Unsqueeze", "Unsqueeze", [rows, graph.Ints(-1)]);
    }

    private string Nibbles(string name, string stored, BlockTensors blocks)
    {
        string fifteen = graph.Once("/constants/uint8/15", () => graph.Constant("/constants/uint8/15", OnnxDataType.UInt8, [], [15]));
        string four = graph.Once("/constants/uint8/4", () => graph.Constant("/constants/uint8/4", OnnxDataType.UInt8, [], [4]));
        string low = graph.Node($"{name}/Low", "BitwiseAnd", [stored, fifteen]);
        string high = graph.Node($"{name}/High", "BitShift", [stored, four], new OnnxAttribute.Text("direction", "RIGHT"));
        string lows = graph.Node($"{name}/Low/Unsqueeze", "Unsqueeze", [low, graph.Ints(-1)]);
        string highs = graph.Node($"{name}/High/Unsqueeze", "Unsqueeze", [high, graph.Ints(-1)]);
        string pairs = graph.Node($"{name}/Concat", "Concat", [lows, highs], new OnnxAttribute.Int("axis", -1));
        return graph.Node($"{name}/Interleave", "Reshape", [pairs, graph.Ints(0, 0, blocks.Blocks, blocks.Format.BlockSize)]);
    }

    private BlockTensors Store(string name, LinearWeights weights, WeightScheme scheme)
    {
        if (_blocks.TryGetValue(name, out BlockTensors? stored)) return stored;
        GgmlType? type = scheme.Kind == WeightKind.Gguf ? weights.BlockType : null;
        // the caller has asked
        (NBitsFormat format, bool hasMinimums) = type is { } known ? GgufRelay.FormatOf(known)!.Value : (scheme.Blocks, false);
        stored = new BlockTensors(
            $"{name}.weight_Q{format.Bits}", $"{name}.weight_scales", format.HasZeroPoints ? $"{name}.weight_zp" : null,
            hasMinimums ? $"{name}.weight_minimums" : null,
            format, type, weights.Rows, weights.Columns);
        _blocks[name] = stored;
        BlockTensors made = stored;
        graph.Tensor(made.Packed, OnnxDataType.UInt8, [made.Rows, made.Blocks, format.BlobBytes],
            sink => WeightFills.Blocks(sink, made, weights));
        graph.Tensor(made.Scales, OnnxDataType.Float, [made.Rows, made.Blocks], fill: null);
        if (made.ZeroPoints is { } zeros)
            graph.Tensor(zeros, OnnxDataType.UInt8, [made.Rows, format.ZeroPointBytes(made.Columns)], fill: null);
        if (made.Minimums is { } minimums) graph.Tensor(minimums, OnnxDataType.Float, [made.Rows, made.Blocks], fill: null);
        return stored;
    }
}
