namespace QuantBench.Models.Scaled;

/// <summary>How an element of a matrix is stored.</summary>
internal enum ElementCode
{
    /// <summary>4-bit float, 2 exponent bits; the first of a byte's two is in its low half.</summary>
    E2M1,

    /// <summary>8-bit float, 4 exponent bits.</summary>
    E4M3,

    /// <summary>8-bit float, 5 exponent bits.</summary>
    E5M2,

    /// <summary>Two's complement, 8 bits.</summary>
    Int8,

    /// <summary>4 bits, stored plus 8; the first of a byte's two is in its low half.</summary>
    Offset4,

    /// <summary>8 bits, stored plus 128.</summary>
    Offset8,
}
