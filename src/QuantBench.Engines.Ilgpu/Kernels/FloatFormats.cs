namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>32-bit floats.</summary>
internal struct F32Format : IFloatFormat
{
    /// <inheritdoc />
    public readonly bool IsBfloat => false;

    /// <inheritdoc />
    public readonly Float8 Load(MatrixView m, int octet)
    {
        Int4 low = m.Wide[2 * octet], high = m.Wide[(2 * octet) + 1];
        return new Float8
        {
            A = Arithmetic.FromBits(low.X),
            B = Arithmetic.FromBits(low.Y),
            C = Arithmetic.FromBits(low.Z),
            D = Arithmetic.FromBits(low.W),
            E = Arithmetic.FromBits(high.X),
            F = Arithmetic.FromBits(high.Y),
            G = Arithmetic.FromBits(high.Z),
            H = Arithmetic.FromBits(high.W),
        };
    }
}

/// <summary>IEEE halves.</summary>
internal struct F16Format : IFloatFormat
{
    /// <inheritdoc />
    public readonly bool IsBfloat => false;

    /// <inheritdoc />
    public readonly Float8 Load(MatrixView m, int octet)
    {
        Int4 v = m.Wide[octet];
        return new Float8
        {
            A = Arithmetic.Half(v.X & 0xFFFF),
            B = Arithmetic.Half((v.X >> 16) & 0xFFFF),
            C = Arithmetic.Half(v.Y & 0xFFFF),
            D = Arithmetic.Half((v.Y >> 16) & 0xFFFF),
            E = Arithmetic.Half(v.Z & 0xFFFF),
            F = Arithmetic.Half((v.Z >> 16) & 0xFFFF),
            G = Arithmetic.Half(v.W & 0xFFFF),
            H = Arithmetic.Half((v.W >> 16) & 0xFFFF),
        };
    }
}

/// <summary>The upper halves of 32-bit floats.</summary>
internal struct BF16Format : IFloatFormat
{
    /// <inheritdoc />
    public readonly bool IsBfloat => true;

    /// <inheritdoc />
    public readonly Float8 Load(MatrixView m, int octet)
    {
        Int4 v = m.Wide[octet];
        return new Float8
        {
            A = Arithmetic.FromBits(v.X << 16),
            B = Arithmetic.FromBits(v.X & unchecked((int)0xFFFF0000)),
            C = Arithmetic.FromBits(v.Y << 16),
            D = Arithmetic.FromBits(v.Y & unchecked((int)0xFFFF0000)),
            E = Arithmetic.FromBits(v.Z << 16),
            F = Arithmetic.FromBits(v.Z & unchecked((int)0xFFFF0000)),
            G = Arithmetic.FromBits(v.W << 16),
            H = Arithmetic.FromBits(v.W & unchecked((int)0xFFFF0000)),
        };
    }
}
