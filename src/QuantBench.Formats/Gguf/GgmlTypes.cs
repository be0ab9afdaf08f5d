using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using QuantBench.Formats.Blocks;

namespace QuantBench.Formats.Gguf;

/// <summary>How a tensor type is stored.</summary>
/// <param name="Type">The type.</param>
/// <param name="BlockElements">Elements per block; a row is a whole number of blocks.</param>
/// <param name="BlockBytes">Bytes per block.</param>
/// <param name="Codec">Reads and writes its blocks; null for integers and F64, which hold no weights.</param>
public sealed record GgmlTypeInfo(GgmlType Type, int BlockElements, int BlockBytes, IBlockCodec? Codec = null)
{
    /// <summary>Its name as llama.cpp prints it in capitals, e.g. <c>Q4_K</c>.</summary>
    public string Name { get; } = Type.ToString();

    /// <summary>Whether tensors of weights can be of this type.</summary>
    public bool HoldsWeights => Codec is { ForInputs: false };

    /// <summary>Bits per element.</summary>
    public double BitsPerWeight => BlockBytes * 8.0 / BlockElements;
}

/// <summary>
/// Every tensor type of GGUF. A new one is a member of <see cref="GgmlType"/>, a struct in its own file among the blocks that holds all of
/// its facts, and a line here.
/// </summary>
public static class GgmlTypes
{
    /// <summary>All types, by id.</summary>
    public static ImmutableArray<GgmlTypeInfo> All { get; } =
    [
        Of(GgmlType.F32, new F32Codec()),
        Of(GgmlType.F16, new F16Codec()),
        Of(GgmlType.Q4_0, new EncodingBlockCodec<Q4_0>()),
        Of(GgmlType.Q4_1, new EncodingBlockCodec<Q4_1>()),
        Of(GgmlType.Q5_0, new EncodingBlockCodec<Q5_0>()),
        Of(GgmlType.Q5_1, new EncodingBlockCodec<Q5_1>()),
        Of(GgmlType.Q8_0, new EncodingBlockCodec<Q8_0>()),
        Of(GgmlType.Q8_1, new EncodingBlockCodec<Q8_1>()),
        Of(GgmlType.Q2_K, new EncodingBlockCodec<Q2_K>()),
        Of(GgmlType.Q3_K, new EncodingBlockCodec<Q3_K>()),
        Of(GgmlType.Q4_K, new EncodingBlockCodec<Q4_K>()),
        Of(GgmlType.Q5_K, new EncodingBlockCodec<Q5_K>()),
        Of(GgmlType.Q6_K, new EncodingBlockCodec<Q6_K>()),
        Of(GgmlType.Q8_K, new EncodingBlockCodec<Q8_K>()),
        Of(GgmlType.IQ2_XXS, new BlockCodec<IQ2_XXS>()),
        Of(GgmlType.IQ2_XS, new BlockCodec<IQ2_XS>()),
        Of(GgmlType.IQ3_XXS, new BlockCodec<IQ3_XXS>()),
        Of(GgmlType.IQ1_S, new BlockCodec<IQ1_S>()),
        Of(GgmlType.IQ4_NL, new EncodingBlockCodec<IQ4_NL>()),
        Of(GgmlType.IQ3_S, new BlockCodec<IQ3_S>()),
        Of(GgmlType.IQ2_S, new BlockCodec<IQ2_S>()),
        Of(GgmlType.IQ4_XS, new EncodingBlockCodec<IQ4_XS>()),
        new(GgmlType.I8, 1, 1),
        new(GgmlType.I16, 1, 2),
        new(GgmlType.I32, 1, 4),
        new(GgmlType.I64, 1, 8),
        new(GgmlType.F64, 1, 8),
        Of(GgmlType.IQ1_M, new BlockCodec<IQ1_M>()),
        Of(GgmlType.BF16, new BF16Codec()),
        Of(GgmlType.TQ1_0, new EncodingBlockCodec<TQ1_0>()),
        Of(GgmlType.TQ2_0, new EncodingBlockCodec<TQ2_0>()),
        Of(GgmlType.MXFP4, new EncodingBlockCodec<MXFP4>()),
        Of(GgmlType.NVFP4, new EncodingBlockCodec<NVFP4>()),
        Of(GgmlType.Q1_0, new EncodingBlockCodec<Q1_0>()),
        Of(GgmlType.Q2_0, new EncodingBlockCodec<Q2_0>()),
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

    /// <summary>The codec of a type.</summary>
    /// <param name="type">A floating-point or quantized type.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type has no codec.</exception>
    public static IBlockCodec Codec(GgmlType type) =>
        Get(type).Codec ?? throw new ArgumentOutOfRangeException(nameof(type), type, "no block codec");

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

    private static GgmlTypeInfo Of(GgmlType type, IBlockCodec codec) => new(type, codec.BlockElements, codec.BlockBytes, codec);
}
