using System.Runtime.InteropServices;
using QuantBench.Core.Errors;
using QuantBench.Formats.Gguf;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Conversion;

/// <summary>Changes the float type of runs of elements; rounding is to nearest, ties to even.</summary>
internal static class FloatRows
{
    public static int ElementBytes(GgmlType type) => type == GgmlType.F32 ? 4 : 2;

    /// <param name="from">Elements of <paramref name="fromType"/>.</param>
    /// <param name="fromType">F32, F16 or BF16.</param>
    /// <param name="to">Receives as many elements of <paramref name="toType"/>.</param>
    /// <param name="toType">F32, F16 or BF16.</param>
    /// <param name="floats">Room for as many floats.</param>
    public static void Convert(ReadOnlySpan<byte> from, SafetensorsDType fromType, Span<byte> to, GgmlType toType, Span<float> floats)
    {
        if ((fromType,
            toType) is (SafetensorsDType.F32, GgmlType.F32) or (SafetensorsDType.F16, GgmlType.F16)
                or (SafetensorsDType.BF16, GgmlType.BF16))
        {
            from.CopyTo(to);
            return;
        }

        switch (fromType)
        {
            case SafetensorsDType.F32:
                MemoryMarshal.Cast<byte, float>(from).CopyTo(floats);
                break;
            case SafetensorsDType.F16:
                ReadOnlySpan<Half> sourceHalves = MemoryMarshal.Cast<byte, Half>(from);
                for (int i = 0; i < sourceHalves.Length; i++) floats[i] = (float)sourceHalves[i];
                break;
            case SafetensorsDType.BF16:
                ReadOnlySpan<ushort> words = MemoryMarshal.Cast<byte, ushort>(from);
                for (int i = 0; i < words.Length; i++) floats[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fromType), fromType, "not a float type that is converted");
        }

        switch (toType)
        {
            case GgmlType.F32:
                MemoryMarshal.AsBytes(floats).CopyTo(to);
                break;
            case GgmlType.F16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(to);
                for (int i = 0; i < halves.Length; i++) halves[i] = (Half)floats[i];
                break;
            case GgmlType.BF16:
                Span<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(to);
                for (int i = 0; i < upperHalves.Length; i++) upperHalves[i] = ToBFloat16(floats[i]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(toType), toType, "not a float type");
        }
    }

    /// <summary>Refuses a piece with a weight that is NaN or infinite, or beyond the range of the type it is stored as.</summary>
    /// <param name="stored">The piece, converted.</param>
    /// <param name="type">To which type.</param>
    /// <param name="model">The weights.</param>
    /// <param name="tensor">The tensor that it is a piece of.</param>
    /// <param name="first">Index of its first element.</param>
    /// <exception cref="ModelFormatException">It has one.</exception>
    public static void Check(ReadOnlySpan<byte> stored, GgmlType type, SafetensorsModel model, SafetensorsTensorInfo tensor, long first)
    {
        int at = FiniteWeights.FindOther(stored, type);
        if (at < 0) return;
        float weight = 0;
        FloatMatrix.CodecOf(tensor.DType).Dequantize(
            model.Span(tensor, (first + at) * tensor.ElementBytes, tensor.ElementBytes), MemoryMarshal.CreateSpan(ref weight, 1));
        throw FiniteWeights.Refused(model.Files[tensor.Part], tensor.Name, first + at, tensor.Shape is [.., var columns] ? columns : 1,
            weight, type);
    }

    /// <summary>The upper half, rounded; a NaN stays one.</summary>
    public static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
