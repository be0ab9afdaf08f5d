namespace QuantBench.Formats.Safetensors;

/// <summary>Element types of safetensors files, named as in their headers.</summary>
public enum SafetensorsDType
{
    /// <summary>One byte per truth value.</summary>
    BOOL,

    /// <summary>8-bit unsigned integer.</summary>
    U8,

    /// <summary>8-bit integer.</summary>
    I8,

    /// <summary>8-bit float, 5 exponent bits.</summary>
    F8_E5M2,

    /// <summary>8-bit float, 4 exponent bits.</summary>
    F8_E4M3,

    /// <summary>8-bit power of two.</summary>
    F8_E8M0,

    /// <summary>16-bit integer.</summary>
    I16,

    /// <summary>16-bit unsigned integer.</summary>
    U16,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>Upper half of a 32-bit float.</summary>
    BF16,

    /// <summary>32-bit integer.</summary>
    I32,

    /// <summary>32-bit unsigned integer.</summary>
    U32,

    /// <summary>32-bit float.</summary>
    F32,

    /// <summary>64-bit float.</summary>
    F64,

    /// <summary>64-bit integer.</summary>
    I64,

    /// <summary>64-bit unsigned integer.</summary>
    U64,
}
