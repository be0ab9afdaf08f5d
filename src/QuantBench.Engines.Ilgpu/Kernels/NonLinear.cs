using ILGPU.Runtime.Cuda;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Types whose nibbles stand for sixteen levels. Kernels have no tables of their own: the levels are bytes of four words, first
/// one lowest.</summary>
internal static class NonLinear
{
    /// <summary>Levels of sixteen nibbles of IQ4_NL and IQ4_XS: −127 −104 −83 −65 −49 −35 −22 −10, 1 13 25 38 53 69 89 113.</summary>
    /// <param name="v">Bytes.</param>
    /// <param name="shift">0 for their low nibbles, 4 for the high ones.</param>
    public static Int4 Levels(Int4 v, int shift) =>
        Of(v, shift, unchecked((int)0xBFAD9881), unchecked((int)0xF6EADDCF), 0x26190D01, 0x71594535);

    /// <summary>Twice the 4-bit floats of MXFP4: 0 1 2 3 4 6 8 12, and the same below 0.</summary>
    /// <inheritdoc cref="Levels"/>
    public static Int4 Floats(Int4 v, int shift) =>
        Of(v, shift, 0x03020100, 0x0C080604, unchecked((int)0xFDFEFF00), unchecked((int)0xF4F8FAFC));

    private static Int4 Of(Int4 v, int shift, int a, int b, int c, int d)
    {
        if (CudaAsm.IsSupported)
        {
            // Bytes 0, 2, 4, 6 of a word's eight levels are those of the low nibbles.
            int which = shift == 0 ? 0x6420 : 0x7531;
            return new Int4
            {
                X = Permuted(v.X, which, a, b, c, d),
                Y = Permuted(v.Y, which, a, b, c, d),
                Z = Permuted(v.Z, which, a, b, c, d),
                W = Permuted(v.W, which, a, b, c, d),
            };
        }

        return new Int4
        {
            X = Levels4(v.X >> shift, a, b, c, d),
            Y = Levels4(v.Y >> shift, a, b, c, d),
            Z = Levels4(v.Z >> shift, a, b, c, d),
            W = Levels4(v.W >> shift, a, b, c, d),
        };
    }

    /// <summary>Four of the levels of a word's eight nibbles, by the instruction that picks bytes from two words.</summary>
    private static int Permuted(int v, int which, int a, int b, int c, int d)
    {
        // Three bits pick among eight levels; the fourth decides between the halves of the table.
        int index = v & 0x77777777, upper = 0x32103210 | ((v >> 1) & 0x44444444);
        int first = Pick(Pick(a, b, index), Pick(c, d, index), upper);
        int second = Pick(Pick(a, b, index >> 16), Pick(c, d, index >> 16), upper >> 16);
        return Pick(first, second, which);
    }

    private static int Pick(int a, int b, int selector)
    {
        CudaAsm.Emit("prmt.b32 %0, %1, %2, %3;", out int result, a, b, selector);
        return result;
    }

    private static int Levels4(int nibbles, int a, int b, int c, int d) =>
        Level(nibbles & 15, a, b, c, d) | (Level((nibbles >> 8) & 15, a, b, c, d) << 8)
        | (Level((nibbles >> 16) & 15, a, b, c, d) << 16) | (Level((nibbles >> 24) & 15, a, b, c, d) << 24);

    private static int Level(int nibble, int a, int b, int c, int d)
    {
        int low = nibble < 4 ? a : b, high = nibble < 12 ? c : d;
        return ((nibble < 8 ? low : high) >> (8 * (nibble & 3))) & 0xFF;
    }
}
