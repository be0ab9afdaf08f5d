using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Moving bits of packed weights into bytes, four or sixteen at a time.</summary>
internal static class Bits
{
    /// <summary>A 16-bit number of a plane.</summary>
    /// <param name="words">The matrix.</param>
    /// <param name="plane">First word of the plane.</param>
    /// <param name="index">Which number of the plane.</param>
    public static int Short(ArrayView<int> words, int plane, int index) => (words[plane + (index >> 1)] >> (16 * (index & 1))) & 0xFFFF;

    /// <summary>Byte i of a word, unsigned.</summary>
    public static int Byte(int word, int i) => (word >> (8 * i)) & 0xFF;

    /// <summary>(v &gt;&gt; shift) &amp; mask, word by word.</summary>
    public static Int4 Extract(Int4 v, int shift, int mask) =>
        new() { X = (v.X >> shift) & mask, Y = (v.Y >> shift) & mask, Z = (v.Z >> shift) & mask, W = (v.W >> shift) & mask };

    /// <summary>a | (b &lt;&lt; shift), word by word.</summary>
    public static Int4 Or(Int4 a, Int4 b, int shift) =>
        new() { X = a.X | (b.X << shift), Y = a.Y | (b.Y << shift), Z = a.Z | (b.Z << shift), W = a.W | (b.W << shift) };

    /// <summary>Sixteen bits, each as bit 4 of a byte.</summary>
    public static Int4 Spread(int bits) =>
        new() { X = Spread4(bits), Y = Spread4(bits >> 4), Z = Spread4(bits >> 8), W = Spread4(bits >> 12) };

    private static int Spread4(int bits) => ((bits & 1) << 4) | ((bits & 2) << 11) | ((bits & 4) << 18) | ((bits & 8) << 25);
}
