using System.Collections.Immutable;

namespace QuantBench.Formats.Decoders;

/// <summary>How rotary positions turn pairs of a head's elements.</summary>
public sealed record RotarySettings
{
    /// <summary>Base of the frequencies.</summary>
    public float Base { get; init; } = 10_000;

    /// <summary>Divisors of the angles, one per pair; empty = 1. What Llama 3.1's scaling is made of.</summary>
    public ImmutableArray<float> Factors { get; init; } = [];

    /// <summary>Positions are multiplied by this: 1 / scaling factor.</summary>
    public float PositionScale { get; init; } = 1;

    /// <summary>YaRN: high frequencies keep their angle, low ones are scaled, with a ramp between.</summary>
    public bool IsYarn { get; init; }

    /// <summary>YaRN: context length before stretching, in tokens.</summary>
    public int OriginalContextLength { get; init; } = 1;

    /// <summary>YaRN: rotations above which a pair keeps its angle.</summary>
    public float BetaFast { get; init; } = 32;

    /// <summary>YaRN: rotations below which a pair is fully scaled.</summary>
    public float BetaSlow { get; init; } = 1;

    /// <summary>Factor of the rotated vectors.</summary>
    public float Magnitude { get; init; } = 1;

    /// <summary>Cosines and sines of one position.</summary>
    /// <param name="position">The position.</param>
    /// <param name="cos">Receives a cosine per pair.</param>
    /// <param name="sin">Receives a sine per pair.</param>
    public void Fill(int position, Span<float> cos, Span<float> sin)
    {
        // Angles are multiplied up in single precision, as llama.cpp does, so that both turn by the same amount at long contexts.
        int width = 2 * cos.Length;
        float low = MathF.Max(0, MathF.Floor(Correction(BetaFast, width)));
        float high = MathF.Min(width - 1, MathF.Ceiling(Correction(BetaSlow, width)));
        float theta = position;
        float step = MathF.Pow(Base, -2f / width);
        for (int i = 0; i < cos.Length; i++)
        {
            float unscaled = Factors.IsEmpty ? theta : theta / Factors[i];
            float angle = unscaled * PositionScale;
            if (IsYarn)
            {
                float ramp = 1 - Math.Clamp((i - low) / MathF.Max(0.001f, high - low), 0, 1);
                angle = (angle * (1 - ramp)) + (unscaled * ramp);
            }

            cos[i] = MathF.Cos(angle) * Magnitude;
            sin[i] = MathF.Sin(angle) * Magnitude;
            theta *= step;
        }
    }

    private float Correction(float rotations, int width) =>
        width * MathF.Log(OriginalContextLength / (rotations * 2 * MathF.PI)) / (2 * MathF.Log(Base));
}
