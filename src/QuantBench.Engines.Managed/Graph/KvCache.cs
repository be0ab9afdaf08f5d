using System.Numerics.Tensors;
using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>Keys and values of every token held, each as floats, halves or blocks; one vector for both with latent attention. Each sequence
/// has its own run of cells, so a position is a cell.</summary>
internal sealed unsafe class KvCache : IDisposable
{
    private static readonly Dictionary<string, GgmlType> s_types = new(StringComparer.Ordinal)
    {
        ["f32"] = GgmlType.F32,
        ["f16"] = GgmlType.F16,
        ["q8_0"] = GgmlType.Q8_0,
        ["q5_1"] = GgmlType.Q5_1,
        ["q5_0"] = GgmlType.Q5_0,
        ["q4_1"] = GgmlType.Q4_1,
        ["q4_0"] = GgmlType.Q4_0,
    };

    private readonly KernelSet _kernels;
    private readonly NativeBuffer _buffer;
    private readonly Plane _keys;
    private readonly Plane _values;
    private readonly int _headWidth;
    private readonly int _contextLength;
    private readonly long _layerBytes;
    private readonly long _valuesAt;

    /// <param name="kernels">Converts halves.</param>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="contextLength">Cells of each sequence.</param>
    /// <param name="keys">Type of the keys, as the setting <c>kv_type</c> spells it.</param>
    /// <param name="values">Type of the values.</param>
    /// <exception cref="UnsupportedException">The type isn't there, or the heads' width doesn't fit it.</exception>
    public KvCache(KernelSet kernels, DecoderShape shape, SequenceLengths lengths, int contextLength, string keys, string values)
    {
        Lengths = lengths;
        _kernels = kernels;
        _headWidth = shape.HeadWidth;
        _contextLength = contextLength;
        long cells = (long)contextLength * lengths.Count;
        _keys = Plane.Of(TypeOf(keys, shape.HeadWidth), shape, cells);
        if (shape.Latent is null)
        {
            _values = Plane.Of(TypeOf(values, shape.HeadWidth), shape, cells);
            _valuesAt = _keys.Bytes;
        }
        else if (keys == values)
        {
            _values = _keys;
        }
        else
        {
            throw new UnsupportedException("managed", "latent attention keeps one vector for keys and values: it has one type.",
                "Set kv_type alone.");
        }

        _layerBytes = _valuesAt + _values.Bytes;
        _buffer = new NativeBuffer(checked(_layerBytes * shape.Layers));
    }

    /// <summary>Bytes that a cache takes.</summary>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="cells">Tokens of all sequences.</param>
    /// <param name="keys">Type of the keys.</param>
    /// <param name="values">Type of the values.</param>
    /// <exception cref="UnsupportedException">The type isn't there, or the heads' width doesn't fit it.</exception>
    public static long BytesOf(DecoderShape shape, long cells, string keys, string values)
    {
        long bytes = Plane.Of(TypeOf(keys, shape.HeadWidth), shape, cells).Bytes;
        if (shape.Latent is null) bytes += Plane.Of(TypeOf(values, shape.HeadWidth), shape, cells).Bytes;
        return checked(bytes * shape.Layers);
    }

    /// <summary>Bytes held.</summary>
    public long MemoryBytes => _buffer.Bytes;

    /// <summary>Tokens of each sequence.</summary>
    public SequenceLengths Lengths { get; }

    /// <summary>Stores one head of one token.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="values">Whether it is the value; the key otherwise.</param>
    /// <param name="sequence">Sequence.</param>
    /// <param name="position">Position.</param>
    /// <param name="head">Head.</param>
    /// <param name="vector">[head width].</param>
    public void Store(int layer, bool values, int sequence, int position, int head, float* vector)
    {
        ref readonly Plane plane = ref values ? ref _values : ref _keys;
        byte* target = At(plane, layer, values, sequence, position, head);
        switch (plane.Type)
        {
            case GgmlType.F32:
                new ReadOnlySpan<float>(vector, _headWidth).CopyTo(new Span<float>(target, _headWidth));
                break;
            case GgmlType.F16:
                _kernels.FloatsToHalves(vector, (ushort*)target, _headWidth);
                break;
            default:
                var floats = new ReadOnlySpan<float>(vector, _headWidth);
                plane.Codec.Quantize(floats, new Span<byte>(target, (int)plane.HeadBytes));

                // The encoder looks for the largest element and may step over a NaN; blocks of all these types begin with their scale.
                if (!TensorPrimitives.IsFiniteAll(floats)) *(Half*)target = Half.NaN;
                break;
        }
    }

    /// <summary>Reads one head of consecutive tokens as floats.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="values">Whether values are read; keys otherwise.</param>
    /// <param name="sequence">Sequence.</param>
    /// <param name="position">First position.</param>
    /// <param name="count">Positions.</param>
    /// <param name="head">Head.</param>
    /// <param name="target">[count, stride].</param>
    /// <param name="stride">Floats from one token to the next.</param>
    public void Load(int layer, bool values, int sequence, int position, int count, int head, float* target, int stride)
    {
        ref readonly Plane plane = ref values ? ref _values : ref _keys;
        byte* source = At(plane, layer, values, sequence, position, head);
        for (int i = 0; i < count; i++, source += plane.CellBytes, target += stride)
        {
            switch (plane.Type)
            {
                case GgmlType.F32:
                    new ReadOnlySpan<float>(source, _headWidth).CopyTo(new Span<float>(target, _headWidth));
                    break;
                case GgmlType.F16:
                    _kernels.HalvesToFloats((ushort*)source, target, _headWidth);
                    break;
                default:
                    plane.Codec.Dequantize(new ReadOnlySpan<byte>(source, (int)plane.HeadBytes), new Span<float>(target, _headWidth));
                    break;
            }
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    private static GgmlType TypeOf(string name, int headWidth)
    {
        if (!s_types.TryGetValue(name, out GgmlType type))
        {
            string[] fitting = [.. s_types.Where(t => headWidth % GgmlTypes.Get(t.Value).BlockElements == 0).Select(t => t.Key)];
            throw new UnsupportedException("managed", $"a KV cache of type '{name}' is not implemented.",
                $"Set kv_type to {string.Join(", ", fitting[..^1])} or {fitting[^1]}.");
        }

        return headWidth % GgmlTypes.Get(type).BlockElements == 0 ? type : throw new UnsupportedException("managed",
            $"heads of width {headWidth} don't fit a KV cache of type '{name}'.", "Set kv_type to f16.");
    }

    // Planes lie layer after layer, the keys first.
    private byte* At(in Plane plane, int layer, bool values, int sequence, int position, int head) =>
        _buffer.As<byte>() + (_layerBytes * layer) + (values ? _valuesAt : 0)
            + (plane.CellBytes * (((long)sequence * _contextLength) + position)) + (plane.HeadBytes * head);

    private readonly record struct Plane(GgmlType Type, IBlockCodec Codec, long HeadBytes, long CellBytes, long Bytes)
    {
        public static Plane Of(GgmlType type, DecoderShape shape, long cells)
        {
            long head = GgmlTypes.ByteSize(type, shape.HeadWidth);
            return new Plane(type, GgmlTypes.Codec(type), head, head * shape.KvHeads, checked(head * shape.KvHeads * cells));
        }
    }
}
