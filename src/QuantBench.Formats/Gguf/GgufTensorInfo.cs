using System.Collections.Immutable;

namespace QuantBench.Formats.Gguf;

/// <summary>Where one tensor lies and how it is stored.</summary>
/// <param name="Name">Name, unique in the model.</param>
/// <param name="Type">Element type.</param>
/// <param name="Dimensions">0 to 4 sizes, the contiguous dimension (columns, input features) first.</param>
/// <param name="Offset">First byte, from the start of its file.</param>
/// <param name="ByteSize">Bytes, without padding.</param>
/// <param name="Part">Index of its file in a split model; 0 otherwise.</param>
public sealed record GgufTensorInfo(string Name, GgmlType Type, ImmutableArray<long> Dimensions, long Offset, long ByteSize, int Part = 0)
{
    /// <summary>Number of elements; 1 for a tensor without dimensions.</summary>
    public long ElementCount
    {
        get
        {
            long count = 1;
            foreach (long size in Dimensions) count = checked(count * size);
            return count;
        }
    }
}
