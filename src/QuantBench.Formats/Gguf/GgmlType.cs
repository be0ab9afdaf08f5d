namespace QuantBench.Formats.Gguf;

/// <summary>Element types of GGUF tensors; the numbers are the ids in files and never change.</summary>
public enum GgmlType
{
    /// <summary>32-bit float.</summary>
    F32 = 0,

    /// <summary>IEEE half.</summary>
    F16 = 1,

    /// <summary>4 bits, one scale per 32.</summary>
    Q4_0 = 2,

    /// <summary>4 bits, scale and minimum per 32.</summary>
    Q4_1 = 3,

    /// <summary>5 bits, one scale per 32.</summary>
    Q5_0 = 6,

    /// <summary>5 bits, scale and minimum per 32.</summary>
    Q5_1 = 7,

    /// <summary>8 bits, one scale per 32.</summary>
    Q8_0 = 8,

    /// <summary>8 bits with block sums; activations only.</summary>
    Q8_1 = 9,

    /// <summary>2-bit superblocks.</summary>
    Q2_K = 10,

    /// <summary>3-bit superblocks.</summary>
    Q3_K = 11,

    /// <summary>4-bit superblocks.</summary>
    Q4_K = 12,

    /// <summary>5-bit superblocks.</summary>
    Q5_K = 13,

    /// <summary>6-bit superblocks.</summary>
    Q6_K = 14,

    /// <summary>8-bit superblocks; activations only.</summary>
    Q8_K = 15,

    /// <summary>Codebook, 2.06 bits.</summary>
    IQ2_XXS = 16,

    /// <summary>Codebook, 2.31 bits.</summary>
    IQ2_XS = 17,

    /// <summary>Codebook, 3.06 bits.</summary>
    IQ3_XXS = 18,

    /// <summary>Codebook, 1.56 bits.</summary>
    IQ1_S = 19,

    /// <summary>Non-linear 4 bits, one scale per 32.</summary>
    IQ4_NL = 20,

    /// <summary>Codebook, 3.44 bits.</summary>
    IQ3_S = 21,

    /// <summary>Codebook, 2.56 bits.</summary>
    IQ2_S = 22,

    /// <summary>Non-linear 4-bit superblocks.</summary>
    IQ4_XS = 23,

    /// <summary>8-bit integer.</summary>
    I8 = 24,

    /// <summary>16-bit integer.</summary>
    I16 = 25,

    /// <summary>32-bit integer.</summary>
    I32 = 26,

    /// <summary>64-bit integer.</summary>
    I64 = 27,

    /// <summary>64-bit float.</summary>
    F64 = 28,

    /// <summary>Codebook, 1.75 bits.</summary>
    IQ1_M = 29,

    /// <summary>Upper half of a 32-bit float.</summary>
    BF16 = 30,

    /// <summary>Ternary, five to a byte.</summary>
    TQ1_0 = 34,

    /// <summary>Ternary, four to a byte.</summary>
    TQ2_0 = 35,

    /// <summary>OCP MXFP4.</summary>
    MXFP4 = 39,

    /// <summary>NVIDIA FP4.</summary>
    NVFP4 = 40,

    /// <summary>One bit, one scale per 128.</summary>
    Q1_0 = 41,

    /// <summary>Two bits, one scale per 64.</summary>
    Q2_0 = 42,
}
