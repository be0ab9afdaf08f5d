using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Onnx;

namespace QuantBench.Engines.OnnxRuntime.Export;

/// <summary>Puts a graph together: nodes, constants, and who fills the large ones.</summary>
/// <param name="io">Type of activations: float or half.</param>
internal sealed class GraphBuilder(OnnxDataType io)
{
    /// <summary>Domain of ONNX Runtime's own operators.</summary>
    public const string Microsoft = "com.microsoft";

    // Shapes, axes and other small constants stand in the model file, where shape inference sees them.
    private const int InlineBytes = 512;

    private readonly List<OnnxNode> _nodes = [];
    private readonly List<OnnxTensorSpec> _tensors = [];
    private readonly List<Action<TensorSink>> _fills = [];
    private readonly Dictionary<string, string> _shared = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Type of activations.</summary>
    public OnnxDataType Io => io;

    /// <summary>Nodes so far.</summary>
    public ImmutableArray<OnnxNode> Nodes => [.. _nodes];

    /// <summary>Constants so far.</summary>
    public ImmutableArray<OnnxTensorSpec> Tensors => [.. _tensors];

    /// <summary>Bytes of weights, without tables that are computed.</summary>
    public long WeightBytes { get; private set; }

    /// <summary>Fills every large tensor.</summary>
    public void Fill(TensorSink sink)
    {
        foreach (Action<TensorSink> fill in _fills) fill(sink);
    }

    /// <summary>Adds a node with one output.</summary>
    /// <returns>Name of its output.</returns>
    public string Node(string name, string opType, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes) =>
        Node(name, opType, "", inputs, null, attributes);

    /// <summary>Adds a node with one output.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="opType">Operator.</param>
    /// <param name="domain">Whose operator.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="output">Name of the output; null = made from the node's.</param>
    /// <param name="attributes">Its settings.</param>
    /// <returns>Name of its output.</returns>
    public string Node(string name, string opType, string domain, ReadOnlySpan<string> inputs, string? output,
        params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string value = output ?? $"{name}/output_0";
        Add(new OnnxNode(opType, domain, name, [.. inputs], [value], [.. attributes]));
        return value;
    }

    /// <summary>Adds a node as it is.</summary>
    public void Add(OnnxNode node)
    {
        if (!_names.Add(node.Name)) throw new ArgumentException($"there are two nodes '{node.Name}'", nameof(node));
        _nodes.Add(node);
    }

    /// <summary>A value that is made once and used by several nodes.</summary>
    /// <param name="key">What it is.</param>
    /// <param name="make">Adds its nodes.</param>
    public string Once(string key, Func<string> make)
    {
        if (_shared.TryGetValue(key, out string? value)) return value;
        value = make();
        _shared[key] = value;
        return value;
    }

    /// <summary>Whole numbers, one dimension.</summary>
    public string Ints(params ReadOnlySpan<long> values)
    {
        long[] copy = values.ToArray();
        return Once($"/constants/int64[{string.Join(",", copy)}]", () =>
            Constant($"/constants/int64/{string.Join("_", copy)}", OnnxDataType.Int64, [copy.Length],
                MemoryMarshal.AsBytes<long>(copy).ToArray()));
    }

    /// <summary>One whole number without dimensions.</summary>
    public string Int(long value) =>
        Once($"/constants/int64({value})",
            () => Constant($"/constants/scalar/{value}", OnnxDataType.Int64, [], BitConverter.GetBytes(value)));

    /// <summary>One number of the activations' type, without dimensions.</summary>
    public string Number(string name, float value) => Once($"/constants/{name}", () => io == OnnxDataType.Float16
        ? Constant($"/constants/{name}", io, [], BitConverter.GetBytes((Half)value))
        : Constant($"/constants/{name}", io, [], BitConverter.GetBytes(value)));

    /// <summary>A constant whose bytes are at hand.</summary>
    public string Constant(string name, OnnxDataType type, ImmutableArray<long> shape, byte[] bytes)
    {
        if (bytes.Length <= InlineBytes)
        {
            _tensors.Add(new OnnxTensorSpec(name, type, shape, bytes));
            return name;
        }

        return Tensor(name, type, shape, sink => sink.Append(name, bytes), isWeight: false);
    }

    /// <summary>A vector of weights, in the activations' type.</summary>
    public string Vector(string name, ReadOnlySpan<float> values)
    {
        byte[] bytes = ToIo(values);
        WeightBytes += bytes.Length;
        return Constant(name, io, [values.Length], bytes);
    }

    /// <summary>A large constant.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Element type.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="fill">Appends its bytes, and those of tensors that are made with it; null when another's does.</param>
    /// <param name="isWeight">Whether it counts as weights.</param>
    public string Tensor(string name, OnnxDataType type, ImmutableArray<long> shape, Action<TensorSink>? fill, bool isWeight = true)
    {
        var spec = new OnnxTensorSpec(name, type, shape);
        _tensors.Add(spec);
        if (fill is not null) _fills.Add(fill);
        if (isWeight) WeightBytes += spec.ByteSize;
        return name;
    }

    /// <summary>Floats as bytes of the activations' type.</summary>
    public byte[] ToIo(ReadOnlySpan<float> values)
    {
        byte[] bytes = new byte[OnnxDataTypes.ByteSize(io, values.Length)];
        GgmlTypes.Codec(io == OnnxDataType.Float16 ? GgmlType.F16 : GgmlType.F32).Quantize(values, bytes);
        return bytes;
    }
}
