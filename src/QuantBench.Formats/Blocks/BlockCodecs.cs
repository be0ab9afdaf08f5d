using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Blocks;

/// <summary>Every block codec by tensor type. A new type is a struct in its own file and a line here.</summary>
public static class BlockCodecs
{
    /// <summary>All codecs, by id of their type.</summary>
    public static ImmutableArray<IBlockCodec> All { get; } =
    [
        new F32Codec(),
        new F16Codec(),
        new EncodingBlockCodec<Q4_0>(),
        new EncodingBlockCodec<Q4_1>(),
        new EncodingBlockCodec<Q5_0>(),
        new EncodingBlockCodec<Q5_1>(),
        new EncodingBlockCodec<Q8_0>(),
        new EncodingBlockCodec<Q8_1>(),
        new EncodingBlockCodec<Q2_K>(),
        new EncodingBlockCodec<Q3_K>(),
        new EncodingBlockCodec<Q4_K>(),
        new EncodingBlockCodec<Q5_K>(),
        new EncodingBlockCodec<Q6_K>(),
        new EncodingBlockCodec<Q8_K>(),
        new BlockCodec<IQ2_XXS>(),
        new BlockCodec<IQ2_XS>(),
        new BlockCodec<IQ3_XXS>(),
        new BlockCodec<IQ1_S>(),
        new EncodingBlockCodec<IQ4_NL>(),
        new BlockCodec<IQ3_S>(),
        new BlockCodec<IQ2_S>(),
        new EncodingBlockCodec<IQ4_XS>(),
        new BlockCodec<IQ1_M>(),
        new BF16Codec(),
        new EncodingBlockCodec<TQ1_0>(),
        new EncodingBlockCodec<TQ2_0>(),
        new EncodingBlockCodec<MXFP4>(),
        new BlockCodec<NVFP4>(),
        new EncodingBlockCodec<Q1_0>(),
        new EncodingBlockCodec<Q2_0>(),
    ];

    // Below All: static members are initialised in the order they are written.
    private static readonly FrozenDictionary<GgmlType, IBlockCodec> ByType = All.ToFrozenDictionary(codec => codec.Type);

    /// <summary>The codec of a tensor type.</summary>
    /// <param name="type">A floating-point or quantized type; integers and F64 have none.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type has no codec.</exception>
    public static IBlockCodec Get(GgmlType type) =>
        ByType.TryGetValue(type, out IBlockCodec? codec) ? codec
            : throw new ArgumentOutOfRangeException(nameof(type), type, "no block codec");

    /// <summary>The codec of a tensor type, if there is one.</summary>
    /// <param name="type">Any tensor type.</param>
    /// <param name="codec">The codec; null when the type has none.</param>
    public static bool TryGet(GgmlType type, [NotNullWhen(true)] out IBlockCodec? codec) => ByType.TryGetValue(type, out codec);
}
