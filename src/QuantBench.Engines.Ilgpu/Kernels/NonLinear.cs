using ILGPU.Runtime.Cuda;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>The sixteen levels of IQ4_NL and IQ4_XS: −127 −104 −83 −65 −49 −35 −22 −10, 1 13 25 38 53 69 89 113.</summary>
internal static class NonLinear
{
    // Kernels have no tables of their own: the levels are bytes of four constants, first one lowest.
    private const int Levels0To3 = unchecked((int)0xBFAD9881);
    private const int Levels4To7 = unchecked((int)0xF6EADDCF);
    private const int Levels8To11 = 0x26190D01;
    private const int Levels12To15 = 0x71594535;

    /// <summary>Levels of sixteen nibbles.</summary>
    /// <param name="v">Bytes.</param>
    /// <param name="shift">0 for their low nibbles, 4 for the high ones.</param>
    public static Int4 Levels(Int4 v, int shift)
    {
        if (CudaAsm.IsSupported)
        {
            // Bytes 0, 2, 4, 6 of a word's eight levels are those of the low nibbles.
            int which = shift == 0 ? 0x6420 : 0x7531;
            return new Int4 { X = Permuted(v.X, which), Y = Permuted(v.Y, which), Z = Permuted(v.Z, which), W = Permuted(v.W, which) };
        }

        return new Int4 { X = Levels4(v.X >> shift), Y = Levels4(v.Y >> shift), Z = Levels4(v.Z >> shift), W = Levels4(v.W >> shift) };
    }

    /// <summary>Four of the levels of a word's eight nibbles, by the instruction that picks bytes from two words.</summary>
    private static int Permuted(int v, int which)
    {
        // Three bits pick among eight levels; the fourth decides between the halves of the table.
        int index = v & 0x77777777, upper = 0x32103210 | ((v >> 1) & 0x44444444);
        int first = Pick(Pick(Levels0To3, Levels4To7, index), Pick(Levels8To11, Levels12To15, index), upper);
        int second = Pick(Pick(Levels0To3, Levels4To7, index >> 16), Pick(Levels8To11, Levels12To15, index >> 16), upper >> 16);
        return Pick(first, second, which);
    }

    private static int Pick(int a, int b, int selector)
    {
        CudaAsm.Emit("prmt.b32 %0, %1, %2, %3;", out int result, a, b, selector);
        return result;
    }

    private static int Levels4(int nibbles) =>
        Level(nibbles & 15) | (Level((nibbles >> 8) & 15) << 8) | (Level((nibbles >> 16) & 15) << 16) | (Level((nibbles >> 24) & 15) << 24);

    private static int Level(int nibble)
    {
        int low = nibble < 4 ? Levels0To3 : Levels4To7, high = nibble < 12 ? Levels8To11 : Levels12To15;
        return ((nibble < 8 ? low : high) >> (8 * (nibble & 3))) & 0xFF;
    }
}
