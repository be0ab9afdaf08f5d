using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace QuantBench.Formats.Gguf;

/// <summary>How a tensor type is stored.</summary>
/// <param name="Type">The type.</param>
/// <param name="Name">Its name as llama.cpp prints it in capitals, e.g. <c>Q4_K</c>.</param>
/// <param name="BlockElements">Elements per block; a row is a whole number of blocks.</param>
/// <param name="BlockBytes">Bytes per block.</param>
public sealed record GgmlTypeInfo(GgmlType Type, string Name, int BlockElements, int BlockBytes)
{
    /// <summary>Bits per element.</summary>
    public double BitsPerWeight => BlockBytes * 8.0 / BlockElements;
}

/// <summary>Every tensor type of GGUF. A new one is a line here and a member of <see cref="GgmlType"/>.</summary>
public static class GgmlTypes
{
    /// <summary>All types, by id.</summary>
    public static ImmutableArray<GgmlTypeInfo> All { get; } =
    [
        new(GgmlType.F32, "F32", 1, 4),
        new(GgmlType.F16, "F16", 1, 2),
        new(GgmlType.Q4_0, "Q4_0", 32, 18),
        new(GgmlType.Q4_1, "Q4_1", 32, 20),
        new(GgmlType.Q5_0, "Q5_0", 32, 22),
        new(GgmlType.Q5_1, "Q5_1", 32, 24),
        new(GgmlType.Q8_0, "Q8_0", 32, 34),
        new(GgmlType.Q8_1, "Q8_1", 32, 36),
        new(GgmlType.Q2_K, "Q2_K", 256, 84),
        new(GgmlType.Q3_K, "Q3_K", 256, 110),
        new(GgmlType.Q4_K, "Q4_K", 256, 144),
        new(GgmlType.Q5_K, "Q5_K", 256, 176),
        new(GgmlType.Q6_K, "Q6_K", 256, 210),
        new(GgmlType.Q8_K, "Q8_K", 256, 292),
        new(GgmlType.IQ2_XXS, "IQ2_XXS", 256, 66),
        new(GgmlType.IQ2_XS, "IQ2_XS", 256, 74),
        new(GgmlType.IQ3_XXS, "IQ3_XXS", 256, 98),
        new(GgmlType.IQ1_S, "IQ1_S", 256, 50),
        new(GgmlType.IQ4_NL, "IQ4_NL", 32, 18),
        new(GgmlType.IQ3_S, "IQ3_S", 256, 110),
        new(GgmlType.IQ2_S, "IQ2_S", 256, 82),
        new(GgmlType.IQ4_XS, "IQ4_XS", 256, 136),
        new(GgmlType.I8, "I8", 1, 1),
        new(GgmlType.I16, "I16", 1, 2),
        new(GgmlType.I32, "I32", 1, 4),
        new(GgmlType.I64, "I64", 1, 8),
        new(GgmlType.F64, "F64", 1, 8),
        new(GgmlType.IQ1_M, "IQ1_M", 256, 56),
        new(GgmlType.BF16, "BF16", 1, 2),
        new(GgmlType.TQ1_0, "TQ1_0", 256, 54),
        new(GgmlType.TQ2_0, "TQ2_0", 256, 66),
        new(GgmlType.MXFP4, "MXFP4", 32, 17),
        new(GgmlType.NVFP4, "NVFP4", 64, 36),
        new(GgmlType.Q1_0, "Q1_0", 128, 18),
        new(GgmlType.Q2_0, "Q2_0", 64, 18),
    ];

    // Below All: static members are initialised in the order they are written.
    private static readonly FrozenDictionary<uint, GgmlTypeInfo> ById = All.ToFrozenDictionary(info => (uint)info.Type);

    /// <summary>How a type is stored.</summary>
    /// <param name="type">A member of the enum.</param>
    public static GgmlTypeInfo Get(GgmlType type) =>
        ById.TryGetValue((uint)type, out GgmlTypeInfo? info) ? info
            : throw new ArgumentOutOfRangeException(nameof(type), type, "not a tensor type");

    /// <summary>The type with an id that was read from a file.</summary>
    /// <param name="id">The id.</param>
    /// <param name="info">The type; null when the id is unknown or was withdrawn.</param>
    public static bool TryGet(uint id, [NotNullWhen(true)] out GgmlTypeInfo? info) => ById.TryGetValue(id, out info);

    /// <summary>Bytes of a number of elements.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="elements">How many; a whole number of blocks.</param>
    /// <exception cref="OverflowException">The size doesn't fit 63 bits.</exception>
    public static long ByteSize(GgmlType type, long elements)
    {
        GgmlTypeInfo info = Get(type);
        ArgumentOutOfRangeException.ThrowIfNegative(elements);
        ArgumentOutOfRangeException.ThrowIfNotEqual(elements % info.BlockElements, 0);
        return checked(elements / info.BlockElements * info.BlockBytes);
    }
}
