using System.Numerics;
using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Weights;

/// <summary>Refuses weights that are no numbers: a quantizer would make numbers of them, and nobody would know.</summary>
public static class FiniteWeights
{
    private const int PieceBytes = 4 << 20;

    /// <summary>Refuses a GGUF file with a weight that is NaN or infinite, be it by its block's scale: what quantizes activations, as
    /// llama.cpp does, makes numbers of the products.</summary>
    /// <param name="reader">The file.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ModelFormatException">One is.</exception>
    public static void Check(GgufReader reader, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reader);
        float[] weights = [];
        foreach (GgufTensorInfo tensor in reader.Tensors)
        {
            GgmlTypeInfo type = GgmlTypes.Get(tensor.Type);
            if (type.Codec is not { } codec) continue; // whole numbers
            int step = PieceBytes / type.BlockBytes * type.BlockBytes;
            for (long at = 0; at < tensor.ByteSize; at += step)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ReadOnlySpan<byte> piece = reader.Span(tensor, at, (int)Math.Min(step, tensor.ByteSize - at));
                int count = piece.Length / type.BlockBytes * type.BlockElements;
                if (weights.Length < count) weights = new float[count];
                codec.Dequantize(piece, weights.AsSpan(0, count));
                Check(weights.AsSpan(0, count), reader.Files[tensor.Part], tensor.Name, at / type.BlockBytes * type.BlockElements,
                    tensor.Dimensions.Length > 1 ? tensor.Dimensions[0] : tensor.ElementCount);
            }

            reader.Release(tensor);
        }
    }

    /// <summary>Refuses a model directory with a float that is NaN or infinite: a weight, a norm, or a group's scale or bias.</summary>
    /// <param name="directory">A directory in the Hugging Face layout.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ModelFormatException">One is, or the weights can't be read.</exception>
    public static void Check(string directory, CancellationToken cancellationToken)
    {
        using SafetensorsModel model = SafetensorsModel.Open(directory);
        foreach (SafetensorsTensorInfo tensor in model.Tensors.Values.OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            GgmlType? type = tensor.DType switch
            {
                SafetensorsDType.F32 => GgmlType.F32,
                SafetensorsDType.F16 => GgmlType.F16,
                SafetensorsDType.BF16 => GgmlType.BF16,
                _ => null, // whole numbers
            };
            if (type is not { } known) continue;
            for (long at = 0; at < tensor.ByteSize; at += PieceBytes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Check(model.Span(tensor, at, (int)Math.Min(PieceBytes, tensor.ByteSize - at)), known, model.Files[tensor.Part],
                    tensor.Name, at / tensor.ElementBytes, tensor.Shape is [.., var columns] && columns > 0 ? columns : 1);
            }
        }
    }

    /// <summary>Refuses a run of stored floats with one that is NaN or infinite.</summary>
    /// <param name="stored">The floats.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="file">File they are from.</param>
    /// <param name="tensor">Their tensor.</param>
    /// <param name="first">Index of the first of them in the tensor.</param>
    /// <param name="columns">Elements per row.</param>
    /// <exception cref="ModelFormatException">One is.</exception>
    public static void Check(ReadOnlySpan<byte> stored, GgmlType type, string file, string tensor, long first, long columns)
    {
        int at = FindOther(stored, type);
        if (at < 0) return;
        float value = type switch
        {
            GgmlType.F32 => MemoryMarshal.Cast<byte, float>(stored)[at],
            GgmlType.F16 => (float)MemoryMarshal.Cast<byte, Half>(stored)[at],
            _ => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(stored)[at] << 16),
        };
        throw Refused(file, tensor, first + at, columns, value, type);
    }

    /// <summary>Refuses a run of weights with one that is NaN or infinite.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="file">File or directory they are from.</param>
    /// <param name="tensor">Their tensor.</param>
    /// <param name="first">Index of the first of them in the tensor.</param>
    /// <param name="columns">Weights per row; the tensor's length when it is a vector.</param>
    /// <exception cref="ModelFormatException">One is.</exception>
    public static void Check(ReadOnlySpan<float> weights, string file, string tensor, long first, long columns)
    {
        int at = First(MemoryMarshal.Cast<float, uint>(weights), 0x7F80_0000u);
        if (at >= 0) throw Refused(file, tensor, first + at, columns, weights[at], GgmlType.F32);
    }

    /// <summary>The first weight of a run that isn't finite as it is stored.</summary>
    /// <param name="stored">The weights.</param>
    /// <param name="type">Their type; runs of others than F32, F16 and BF16 aren't looked at.</param>
    /// <returns>Its index; −1 = all are finite.</returns>
    public static int FindOther(ReadOnlySpan<byte> stored, GgmlType type) => type switch
    {
        GgmlType.F32 => First(MemoryMarshal.Cast<byte, uint>(stored), 0x7F80_0000u),
        GgmlType.F16 => First(MemoryMarshal.Cast<byte, ushort>(stored), (ushort)0x7C00),
        GgmlType.BF16 => First(MemoryMarshal.Cast<byte, ushort>(stored), (ushort)0x7F80),
        _ => -1,
    };

    /// <summary>The error about a weight that isn't finite, or isn't once it is stored.</summary>
    /// <param name="file">File or directory it is from.</param>
    /// <param name="tensor">Its tensor.</param>
    /// <param name="index">Its index in the tensor.</param>
    /// <param name="columns">Weights per row; the tensor's length when it is a vector.</param>
    /// <param name="weight">What it is in the source.</param>
    /// <param name="type">What it should be stored as.</param>
    public static ModelFormatException Refused(string file, string tensor, long index, long columns, float weight, GgmlType type)
    {
        string place = $"[{index / columns}, {index % columns}]";
        string kind = float.IsNaN(weight) ? "not a number" : "infinite";
        return float.IsFinite(weight)
            ? new ModelFormatException(file, null, $"the weight of '{tensor}' at {place} is {weight}, which {type} can't hold.",
                "Use a variant with a wider type, e.g. BF16 or F32.")
            : new ModelFormatException(file, null, $"the weight of '{tensor}' at {place} is {kind}.",
                "The model is damaged, or its training went wrong; compare its SHA-256 with the source's.");
    }

    /// <summary>Index of the first element whose exponent is all ones; −1 = there is none.</summary>
    private static int First<T>(ReadOnlySpan<T> elements, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        var mask = new Vector<T>(exponent);
        int i = 0;
        foreach (Vector<T> run in MemoryMarshal.Cast<T, Vector<T>>(elements))
        {
            if (Vector.EqualsAny(run & mask, mask)) break;
            i += Vector<T>.Count;
        }

        for (; i < elements.Length; i++)
        {
            if ((elements[i] & exponent) == exponent) return i;
        }

        return -1;
    }
}
