using System.Numerics.Tensors;
using QuantBench.Core.Errors;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Engines.Managed.Memory;
using QuantBench.Formats.Blocks;
using QuantBench.Formats.Gguf;
using QuantBench.Inference.Engines;
using QuantBench.Models.Graphs;

namespace QuantBench.Engines.Managed.Graph;

/// <summary>Keys and values of every token held, as F32, F16 or Q8_0: one vector for both with latent attention. Each sequence has its own
/// run of cells, so a position is a cell.</summary>
internal sealed unsafe class KvCache : IDisposable
{
    private readonly KernelSet _kernels;
    private readonly NativeBuffer _buffer;
    private readonly GgmlType _type;
    private readonly IBlockCodec _codec;
    private readonly int _headWidth;
    private readonly int _contextLength;
    private readonly long _headBytes;
    private readonly long _cellBytes;
    private readonly long _planeBytes;
    private readonly int _planes;

    /// <param name="kernels">Converts halves.</param>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="contextLength">Cells of each sequence.</param>
    /// <param name="type">Setting <c>kv_type</c>.</param>
    /// <exception cref="UnsupportedException">The type isn't there, or the heads' width doesn't fit it.</exception>
    public KvCache(KernelSet kernels, DecoderShape shape, SequenceLengths lengths, int contextLength, string type)
    {
        Lengths = lengths;
        _type = type switch
        {
            "f32" => GgmlType.F32,
            "f16" => GgmlType.F16,
            "q8_0" => GgmlType.Q8_0,
            _ => throw new UnsupportedException("managed", $"a KV cache of type '{type}' is not implemented.",
                shape.HeadWidth % GgmlTypes.Get(GgmlType.Q8_0).BlockElements == 0 ? "Set kv_type to f32, f16 or q8_0."
                    : $"Set kv_type to f32 or f16; heads of width {shape.HeadWidth} fit no others."),
        };
        if (shape.HeadWidth % GgmlTypes.Get(_type).BlockElements != 0)
        {
            throw new UnsupportedException("managed", $"heads of width {shape.HeadWidth} don't fit a KV cache of type '{type}'.",
                "Set kv_type to f16.");
        }

        _kernels = kernels;
        _codec = GgmlTypes.Codec(_type);
        _headWidth = shape.HeadWidth;
        _contextLength = contextLength;
        _headBytes = GgmlTypes.ByteSize(_type, shape.HeadWidth);
        _cellBytes = _headBytes * shape.KvHeads;
        _planeBytes = checked(_cellBytes * contextLength * lengths.Count);
        _planes = shape.Latent is null ? 2 : 1;
        _buffer = new NativeBuffer(checked(_planeBytes * _planes * shape.Layers));
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
        byte* target = At(layer, values, sequence, position, head);
        switch (_type)
        {
            case GgmlType.F32:
                new ReadOnlySpan<float>(vector, _headWidth).CopyTo(new Span<float>(target, _headWidth));
                break;
            case GgmlType.F16:
                _kernels.FloatsToHalves(vector, (ushort*)target, _headWidth);
                break;
            default:
                var floats = new ReadOnlySpan<float>(vector, _headWidth);
                _codec.Quantize(floats, new Span<byte>(target, (int)_headBytes));

                // The encoder looks for the largest element and may step over a NaN; blocks of Q8_0 begin with their scale.
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
        byte* source = At(layer, values, sequence, position, head);
        for (int i = 0; i < count; i++, source += _cellBytes, target += stride)
        {
            switch (_type)
            {
                case GgmlType.F32:
                    new ReadOnlySpan<float>(source, _headWidth).CopyTo(new Span<float>(target, _headWidth));
                    break;
                case GgmlType.F16:
                    _kernels.HalvesToFloats((ushort*)source, target, _headWidth);
                    break;
                default:
                    _codec.Dequantize(new ReadOnlySpan<byte>(source, (int)_headBytes), new Span<float>(target, _headWidth));
                    break;
            }
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    private byte* At(int layer, bool values, int sequence, int position, int head) =>
        _buffer.As<byte>() + (_planeBytes * ((_planes * layer) + (values ? _planes - 1 : 0)))
            + (_cellBytes * (((long)sequence * _contextLength) + position)) + (_headBytes * head);
}
