using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QuantBench.Formats.Blocks;

namespace QuantBench.Engines.Managed.Kernels;

/// <summary>IQ2_XXS.</summary>
internal unsafe struct BlockIQ2_XXS : ICodebookBlock<IQ2_XXS>
{
    static int IWeightBlock.Largest => 2 * 43;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ2_XXS;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        byte* index = block + 2 + (8 * group);
        return CodebookSteps.Eights(entries, index[0], index[1], index[2], index[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint* ICodebookBlock.Signs(byte* block, uint* room)
    {
        CodebookSteps.EvenSigns(Words(block)).Store(room);
        return room;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Of(
        CodebookSteps.Unsigned(
            Levels(CodebookTables.IQ2_XXS, block, group), CodebookSteps.EvenSigns(*(uint*)(block + 6 + (8 * group))), 43), part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) => CodebookSteps.Halved8(
        Vector256.ShiftRightLogical(Words(block), 28).AsInt32(), Halves.ToFloat(*(ushort*)block) * 0.25f, 43, scales, minima);

    /// <summary>The second half of each eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Words(byte* block)
    {
        // Odd lanes of both vectors come in the order 0 1 4 5, 2 3 6 7.
        Vector256<float> odd = Avx.Shuffle(Vector256.Load((float*)(block + 2)), Vector256.Load((float*)(block + 34)), 0b11_01_11_01);
        return Avx2.Permute4x64(odd.AsUInt64(), 0b11_01_10_00).AsUInt32();
    }
}

/// <summary>IQ2_XS.</summary>
internal unsafe struct BlockIQ2_XS : ICodebookBlock<IQ2_XS>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 2 * 43;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ2_XS;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        ushort* words = (ushort*)(block + 2 + (8 * group));
        return CodebookSteps.Eights(entries, words[0] & 511u, words[1] & 511u, words[2] & 511u, words[3] & 511u);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint* ICodebookBlock.Signs(byte* block, uint* room)
    {
        // The upper seven bits of 16 words become bytes, each with its parity in its highest bit.
        Vector256<ushort> first = Vector256.ShiftRightLogical(Vector256.Load((ushort*)(block + 2)), 9);
        Vector256<ushort> second = Vector256.ShiftRightLogical(Vector256.Load((ushort*)(block + 34)), 9);
        Vector256<byte> bits = Avx2.Permute4x64(Avx2.PackUnsignedSaturate(first.AsInt16(), second.AsInt16()).AsUInt64(), 0b11_01_10_00)
            .AsByte();
        CodebookSteps.WithParity(bits).Store((byte*)room);
        return room;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part)
    {
        // Bits 9–15, 25–31, 41–47 and 57–63 of four words.
        uint seven = (uint)Bmi2.X64.ParallelBitExtract(*(ulong*)(block + 2 + (8 * group)), 0xFE00_FE00_FE00_FE00);
        return TBytes.Of(CodebookSteps.Unsigned(Levels(CodebookTables.IQ2_XS, block, group), CodebookSteps.EvenSigns(seven), 43), part);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) =>
        CodebookSteps.Halved16(*(ulong*)(block + 66), Halves.ToFloat(*(ushort*)block) * 0.25f, 43, scales, minima);
}

/// <summary>IQ2_S.</summary>
internal unsafe struct BlockIQ2_S : ICodebookBlock<IQ2_S>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 2 * 43;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ2_S;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        byte* low = block + 2 + (4 * group);
        uint high = block[66 + group];
        return CodebookSteps.Eights(
            entries, low[0] | ((high << 8) & 0x300), low[1] | ((high << 6) & 0x300), low[2] | ((high << 4) & 0x300),
            low[3] | ((high << 2) & 0x300));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint* ICodebookBlock.Signs(byte* block, uint* room) => (uint*)(block + 34);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Of(
        CodebookSteps.Unsigned(Levels(CodebookTables.IQ2_S, block, group), *(uint*)(block + 34 + (4 * group)), 43), part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) =>
        CodebookSteps.Halved16(*(ulong*)(block + 74), Halves.ToFloat(*(ushort*)block) * 0.25f, 43, scales, minima);
}

/// <summary>IQ3_XXS.</summary>
internal unsafe struct BlockIQ3_XXS : ICodebookBlock<IQ3_XXS>
{
    static int IWeightBlock.Largest => 2 * 62;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ3_XXS;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        byte* index = block + 2 + (8 * group);
        return CodebookSteps.Fours(entries, index[0], index[1], index[2], index[3], index[4], index[5], index[6], index[7]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint* ICodebookBlock.Signs(byte* block, uint* room)
    {
        CodebookSteps.EvenSigns(Vector256.Load((uint*)(block + 66))).Store(room);
        return room;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Of(
        CodebookSteps.Unsigned(
            Levels(CodebookTables.IQ3_XXS, block, group), CodebookSteps.EvenSigns(*(uint*)(block + 66 + (4 * group))), 62), part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima) => CodebookSteps.Halved8(
        Vector256.ShiftRightLogical(Vector256.Load((uint*)(block + 66)), 28).AsInt32(), Halves.ToFloat(*(ushort*)block) * 0.5f, 62, scales,
        minima);
}

/// <summary>IQ3_S.</summary>
internal unsafe struct BlockIQ3_S : ICodebookBlock<IQ3_S>
{
    static int IWeightBlock.Largest => 2 * 15;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ3_S;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        byte* low = block + 2 + (8 * group);
        uint high = block[66 + group];
        return CodebookSteps.Fours(
            entries,
            low[0] | ((high << 8) & 256), low[1] | ((high << 7) & 256), low[2] | ((high << 6) & 256), low[3] | ((high << 5) & 256),
            low[4] | ((high << 4) & 256), low[5] | ((high << 3) & 256), low[6] | ((high << 2) & 256), low[7] | ((high << 1) & 256));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static uint* ICodebookBlock.Signs(byte* block, uint* room) => (uint*)(block + 74);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) => TBytes.Of(
        CodebookSteps.Unsigned(Levels(CodebookTables.IQ3_S, block, group), *(uint*)(block + 74 + (4 * group)), 15), part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        // d · (1 + 2n) = 2d · (½ + n).
        Vector256<uint> nibbles = Avx2.ShiftRightLogicalVariable(
            Vector256.Create(*(uint*)(block + 106)), Vector256.Create(0u, 4, 8, 12, 16, 20, 24, 28)) & Vector256.Create(15u);
        CodebookSteps.Halved8(nibbles.AsInt32(), Halves.ToFloat(*(ushort*)block) * 2, 15, scales, minima);
    }
}

/// <summary>IQ1_S. Levels plus 1; what that and the shift by ±⅛ add is the same for 32 elements.</summary>
internal unsafe struct BlockIQ1_S : ICodebookBlock<IQ1_S>
{
    static int IWeightBlock.Largest => 2;

    static bool ICodebookBlock.HasSigns => false;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ1_S;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        byte* low = block + 2 + (4 * group);
        uint word = *(ushort*)(block + 34 + (2 * group));
        return CodebookSteps.Eights(
            entries, low[0] | ((word << 8) & 0x700), low[1] | ((word << 5) & 0x700), low[2] | ((word << 2) & 0x700),
            low[3] | ((word >> 1) & 0x700));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Of(Levels(CodebookTables.IQ1_S, block, group), part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        Vector256<int> words = Avx2.ConvertToVector256Int32(Vector128.Load((ushort*)(block + 34)));
        Vector256<int> odd = (Vector256.ShiftRightLogical(words, 11) & Vector256.Create(14)) + Vector256.Create(1);
        Vector256<float> scale = Vector256.ConvertToSingle(odd) * Vector256.Create(Halves.ToFloat(*(ushort*)block));
        scale.Store(scales);

        // The highest bit of a word turns +⅛ − 1 into −⅛ − 1.
        Vector256<float> shift = Vector256.ConditionalSelect(
            Vector256.LessThan(words, Vector256.Create(0x8000)).AsSingle(), Vector256.Create(-0.875f), Vector256.Create(-1.125f));
        (scale * shift).Store(minima);
    }
}

/// <summary>IQ1_M. The shift changes within a scale, so levels are held in eighths plus 9.</summary>
internal unsafe struct BlockIQ1_M : ICodebookBlock<IQ1_M>
{
    static int IWeightBlock.SubElements => 16;

    static int IWeightBlock.Largest => 18;

    static bool ICodebookBlock.HasSigns => false;

    static byte* ICodebookBlock.Entries => CodebookTables.IQ1_M;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Levels(byte* entries, byte* block, int group)
    {
        byte* low = block + (4 * group);
        uint high = *(ushort*)(block + 32 + (2 * group));
        Vector256<byte> raised = CodebookSteps.Eights(
            entries, low[0] | ((high << 8) & 0x700), low[1] | ((high << 4) & 0x700), low[2] | (high & 0x700),
            low[3] | ((high >> 4) & 0x700));

        // Bits 3, 7, 11 and 15 say that an entry is shifted down: twice the mask of −1 takes 2 away.
        Vector256<ulong> bits = Vector256.Create(0x8UL, 0x80, 0x800, 0x8000);
        Vector256<byte> down = Vector256.Equals(Vector256.Create((ulong)high) & bits, bits).AsByte();
        return raised + down + down;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TBytes IWeightBlock.Quants<TBytes>(byte* block, int group, int part) =>
        TBytes.Of(Levels(CodebookTables.IQ1_M, block, group), part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IWeightBlock.Scales(byte* block, float* scales, float* minima)
    {
        // Four words, each with four 3-bit numbers and, on top, a nibble of d.
        ulong words = *(ulong*)(block + 48);
        float d = Halves.ToFloat((ushort)Bmi2.X64.ParallelBitExtract(words, 0xF000_F000_F000_F000)) * 0.25f;
        ulong numbers = Bmi2.X64.ParallelBitExtract(words, 0x0FFF_0FFF_0FFF_0FFF);
        CodebookSteps.Halved8(Three(numbers), d, 9, scales, minima);
        CodebookSteps.Halved8(Three(numbers >> 24), d, 9, scales + 8, minima + 8);
    }

    /// <summary>Eight 3-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Three(ulong numbers) => Avx2.ShiftRightLogicalVariable(
        Vector256.Create((uint)numbers), Vector256.Create(0u, 3, 6, 9, 12, 15, 18, 21)).AsInt32() & Vector256.Create(7);
}
