using System.Runtime.InteropServices;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Tests.Export;

/// <summary>
/// A product with a stored matrix, as it stands in a written model, and the matrix's rows read from the bytes by the definitions of ONNX
/// and of ONNX Runtime's operators. Shares no code with the exporter.
/// </summary>
/// <param name="Name">Node that multiplies.</param>
/// <param name="Input">Value that is multiplied.</param>
/// <param name="Output">Value that comes out, before a bias.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Row">Reads a row's weights.</param>
internal sealed record StoredProduct(string Name, string Input, string Output, int Rows, int Columns, Action<OnnxModel, int, double[]> Row)
{
    /// <summary>Whether MatMulNBits may quantize what it multiplies.</summary>
    public bool QuantizesInput { get; private init; }

    public static IEnumerable<StoredProduct> Find(OnnxModel model)
    {
        Dictionary<string,
            OnnxNode> makers = model.Nodes.SelectMany(n => n.Outputs.Where(o => o.Length > 0).Select(o => (o, n)))
                .ToDictionary(p => p.o, p => p.n);
        ILookup<string,
            OnnxNode> takers = model.Nodes.SelectMany(n => n.Inputs.Where(i => i.Length > 0).Select(i => (i, n)))
                .ToLookup(p => p.i, p => p.n);
        foreach (OnnxNode node in model.Nodes)
        {
            StoredProduct? product = node.OpType switch
            {
                "MatMulNBits" => NBits(model, node, takers),
                "MatMul" => Floats(model, node, makers),
                "FusedMatMul" when !node.Name.EndsWith("/Minimums", StringComparison.Ordinal) => Table(model, node, makers),
                "MatMulInteger" => Bytes(model, node, makers, takers),
                _ => null,
            };
            if (product is not null) yield return product;
        }
    }

    private static StoredProduct NBits(OnnxModel model, OnnxNode node, ILookup<string, OnnxNode> takers)
    {
        int k = (int)node.Int("K", 0), n = (int)node.Int("N", 0), bits = (int)node.Int("bits", 0), size = (int)node.Int("block_size", 0);
        string packed = node.Inputs[1], scales = node.Inputs[2], zeros = node.Inputs.Length > 3 ? node.Inputs[3] : "";

        // Where blocks have minimums, the sum of both products is what comes out.
        OnnxNode? sum = takers[node.Outputs[0]].FirstOrDefault(t => t.Name.EndsWith("/AddMinimums", StringComparison.Ordinal));
        string minimums = sum is null ? "" : model.Nodes.First(m => m.Outputs[0] == sum.Inputs[1]).Inputs[1];
        Assert.Equal([n, k / size, size * bits / 8], model.Tensors[packed].Shape.ToArray());
        Assert.Equal([n, k / size], model.Tensors[scales].Shape.ToArray());
        return new StoredProduct(node.Name, node.Inputs[0], sum?.Outputs[0] ?? node.Outputs[0], n, k, (source, row, weights) =>
        {
            int blocks = k / size, perRow = blocks * size * bits / 8;
            ReadOnlySpan<byte> q = source.Span(source.Tensors[packed], (long)row * perRow, perRow);
            ReadOnlySpan<float> scale =
                MemoryMarshal.Cast<byte, float>(source.Span(source.Tensors[scales], (long)row * blocks * 4, blocks * 4));
            int zeroBytes = ((blocks * bits) + 7) / 8;
            ReadOnlySpan<byte> zero = zeros.Length == 0 ? [] : source.Span(source.Tensors[zeros], (long)row * zeroBytes, zeroBytes);
            ReadOnlySpan<float> minimum = minimums.Length == 0 ? []
                : MemoryMarshal.Cast<byte, float>(source.Span(source.Tensors[minimums], (long)row * blocks * 4, blocks * 4));
            for (int i = 0; i < k; i++)
            {
                int block = i / size;
                int value = Bits(q, i, bits);
                int middle = zero.IsEmpty ? 1 << (bits - 1) : Bits(zero, block, bits);
                weights[i] = ((double)(value - middle) * scale[block]) + (minimum.IsEmpty ? 0 : minimum[block]);
            }
        })
        {
            QuantizesInput = node.Int("accuracy_level", 0) == 4,
        };
    }

    private static StoredProduct? Floats(OnnxModel model, OnnxNode node, Dictionary<string, OnnxNode> makers)
    {
        if (makers.TryGetValue(node.Inputs[1], out OnnxNode? maker) && maker.OpType == "DequantizeLinear")
            return Static(model, node, maker, makers);
        string tensor = maker?.OpType == "Cast" ? maker.Inputs[0] : node.Inputs[1];
        if (!model.Tensors.TryGetValue(tensor, out OnnxTensorInfo? info)) return null;
        (int k, int n) = ((int)info.Shape[0], (int)info.Shape[1]);
        return new StoredProduct(node.Name, node.Inputs[0], node.Outputs[0], n, k, (source, row, weights) =>
        {
            for (int i = 0; i < k; i++) weights[i] = Float(source, source.Tensors[tensor], ((long)i * n) + row);
        });
    }

    private static StoredProduct Table(OnnxModel model, OnnxNode node, Dictionary<string, OnnxNode> makers)
    {
        Assert.Equal(1, node.Int("transB", 0));
        string tensor = makers.TryGetValue(node.Inputs[1], out OnnxNode? cast) ? cast.Inputs[0] : node.Inputs[1];
        (int n, int k) = ((int)model.Tensors[tensor].Shape[0], (int)model.Tensors[tensor].Shape[1]);
        return new StoredProduct(node.Name, node.Inputs[0], node.Outputs[0], n, k, (source, row, weights) =>
        {
            for (int i = 0; i < k; i++) weights[i] = Float(source, source.Tensors[tensor], ((long)row * k) + i);
        });
    }

    private static StoredProduct Static(OnnxModel model, OnnxNode node, OnnxNode dequantize, Dictionary<string, OnnxNode> makers)
    {
        Assert.Equal(1, dequantize.Int("axis", 0));
        OnnxNode activation = makers[node.Inputs[0]];
        Assert.Equal("DequantizeLinear", activation.OpType);
        OnnxNode quantize = makers[activation.Inputs[0]];
        Assert.Equal(quantize.Inputs.Skip(1), activation.Inputs.Skip(1));
        return ByteRows(model, node.Name, quantize.Inputs[0], node.Outputs[0], dequantize.Inputs[0], dequantize.Inputs[1],
            dequantize.Inputs[2]);
    }

    private static StoredProduct Bytes(OnnxModel model, OnnxNode node, Dictionary<string, OnnxNode> makers,
        ILookup<string, OnnxNode> takers)
    {
        OnnxNode quantize = makers[node.Inputs[0]];
        OnnxNode scaled = takers[takers[node.Outputs[0]].Single().Outputs[0]].Single();
        string scales = makers[scaled.Inputs[1]].Inputs[1];
        return ByteRows(model, node.Name, quantize.Inputs[0], scaled.Outputs[0], node.Inputs[1], scales, node.Inputs[3]);
    }

    private static StoredProduct ByteRows(OnnxModel model, string name, string input, string output, string stored, string scales,
        string zeros)
    {
        (int k, int n) = ((int)model.Tensors[stored].Shape[0], (int)model.Tensors[stored].Shape[1]);
        Assert.Equal(OnnxDataType.UInt8, model.Tensors[stored].Type);
        return new StoredProduct(name, input, output, n, k, (source, row, weights) =>
        {
            ReadOnlySpan<byte> q = source.Span(source.Tensors[stored]);
            float scale = MemoryMarshal.Cast<byte, float>(source.Span(source.Tensors[scales]))[row];
            int zero = source.Span(source.Tensors[zeros])[row];
            for (int i = 0; i < k; i++) weights[i] = (double)(q[(i * n) + row] - zero) * scale;
        });
    }

    private static int Bits(ReadOnlySpan<byte> packed, int index, int bits) =>
        (packed[index * bits / 8] >> (index * bits % 8)) & ((1 << bits) - 1);

    private static double Float(OnnxModel model, OnnxTensorInfo tensor, long index) => tensor.Type switch
    {
        OnnxDataType.Float16 => (double)BitConverter.ToHalf(model.Span(tensor, index * 2, 2)),
        OnnxDataType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(model.Span(tensor, index * 2, 2)) << 16),
        _ => BitConverter.ToSingle(model.Span(tensor, index * 4, 4)),
    };
}
