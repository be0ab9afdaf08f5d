namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>The sixteen levels of IQ4_NL and IQ4_XS: −127 −104 −83 −65 −49 −35 −22 −10, 1 13 25 38 53 69 89 113.</summary>
internal static class NonLinear
{
    // Kernels have no tables of their own: the levels are bytes of two constants, first one lowest.
    private const ulong Negative = 0xF6EA_DDCF_BFAD_9881;
    private const ulong Positive = 0x7159_4535_2619_0D01;

    /// <summary>Levels of sixteen nibbles.</summary>
    /// <param name="v">Bytes.</param>
    /// <param name="shift">0 for their low nibbles, 4 for the high ones.</param>
    public static Int4 Levels(Int4 v, int shift) =>
        new() { X = Levels4(v.X >> shift), Y = Levels4(v.Y >> shift), Z = Levels4(v.Z >> shift), W = Levels4(v.W >> shift) };

    private static int Levels4(int nibbles) =>
        Level(nibbles & 15) | (Level((nibbles >> 8) & 15) << 8) | (Level((nibbles >> 16) & 15) << 16) | (Level((nibbles >> 24) & 15) << 24);

    private static int Level(int nibble)
    {
        ulong half = nibble < 8 ? Negative : Positive;
        return (int)(half >> (8 * (nibble & 7))) & 0xFF;
    }
}
