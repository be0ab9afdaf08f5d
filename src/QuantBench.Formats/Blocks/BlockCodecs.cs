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
        new BlockCodec<Q4_0>(),
        new BlockCodec<Q4_1>(),
        new BlockCodec<Q5_0>(),
        new BlockCodec<Q5_1>(),
        new BlockCodec<Q8_0>(),
        new BlockCodec<Q8_1>(),
        new BlockCodec<Q2_K>(),
        new BlockCodec<Q3_K>(),
        new BlockCodec<Q4_K>(),
        new BlockCodec<Q5_K>(),
        new BlockCodec<Q6_K>(),
        new BlockCodec<Q8_K>(),
        new BlockCodec<IQ4_NL>(),
        new BlockCodec<IQ4_XS>(),
        new BF16Codec(),
        new BlockCodec<TQ1_0>(),
        new BlockCodec<TQ2_0>(),
        new BlockCodec<MXFP4>(),
        new BlockCodec<NVFP4>(),
        new BlockCodec<Q1_0>(),
        new BlockCodec<Q2_0>(),
    ];

    // Below All: static members are initialised in the order they are written.
    private static readonly FrozenDictionary<GgmlType, IBlockCodec> ByType = All.ToFrozenDictionary(codec => codec.Type);

    /// <summary>The codec of a tensor type.</summary>
    /// <param name="type">A floating-point or quantized type; integers and F64 have none.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type has no codec.</exception>
    public static IBlockCodec Get(GgmlType type) =>
        ByType.TryGetValue(type, out IBlockCodec? codec) ? codec : throw new ArgumentOutOfRangeException(nameof(type), type, "no block codec");

    /// <summary>The codec of a tensor type, if there is one.</summary>
    /// <param name="type">Any tensor type.</param>
    /// <param name="codec">The codec; null when the type has none.</param>
    public static bool TryGet(GgmlType type, [NotNullWhen(true)] out IBlockCodec? codec) => ByType.TryGetValue(type, out codec);
}
