using ILGPU;

namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Input vectors of products, one per token: as floats and as 8-bit chunks.</summary>
internal struct InputView
{
    /// <summary>[tokens, stride]; zero behind the last element.</summary>
    public ArrayView<float> Values;

    /// <summary>The same memory, [tokens, stride / 4]: four floats at a time.</summary>
    public ArrayView<Int4> WideValues;

    /// <summary>[tokens, stride / 4]: four signed bytes per word.</summary>
    public ArrayView<int> Words;

    /// <summary>The same memory, [tokens, stride / 16].</summary>
    public ArrayView<Int4> Wide;

    /// <summary>[tokens, stride / 32].</summary>
    public ArrayView<float> Scales;

    /// <summary>[tokens, stride / 16]: scale times the sum of a half chunk's bytes.</summary>
    public ArrayView<float> HalfSums;

    /// <summary>Elements from one token to the next; a multiple of 32.</summary>
    public int Stride;

    /// <summary>Loads a chunk.</summary>
    public readonly InputChunk Load(int token, int chunk)
    {
        int at = (token * (Stride / 32)) + chunk;
        return new InputChunk
        {
            Low = Wide[2 * at],
            High = Wide[(2 * at) + 1],
            Scale = Scales[at],
            SumLow = HalfSums[2 * at],
            SumHigh = HalfSums[(2 * at) + 1],
        };
    }

    /// <summary>Loads eight consecutive floats.</summary>
    public readonly Float8 LoadFloats(int token, int octet)
    {
        int at = (token * (Stride / 4)) + (2 * octet);
        Int4 low = WideValues[at], high = WideValues[at + 1];
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
