namespace QuantBench.Models.Graphs;

/// <summary>Angles of rotary positions with linear, llama-3, YaRN and longrope scaling.</summary>
public sealed class RotaryAngles
{
    // YaRN: rotations over the trained context above which a pair keeps its frequency, and below which it is fully scaled.
    private const float BetaFast = 32;
    private const float BetaSlow = 1;

    private readonly int _width;
    private readonly float _base;
    private readonly float _frequencyScale;
    private readonly bool _yarn;
    private readonly float[]? _factors;
    private readonly float _low;
    private readonly float _high;
    private readonly float _magnitude;

    /// <summary>Prepares the angles of some layers.</summary>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="factors">[rotated width / 2] divisors of angles, or null.</param>
    /// <param name="windowed">Of layers with a sliding window.</param>
    public RotaryAngles(DecoderShape shape, float[]? factors, bool windowed = false)
    {
        ArgumentNullException.ThrowIfNull(shape);
        RopeScaling scaling = shape.RopeScaling;
        _base = windowed ? shape.LocalRopeBase : shape.RopeBase;

        // Windowed layers with a base of their own don't stretch positions: the window is shorter than any context.
        if (windowed && shape.Architecture.HasPlainWindowRope) scaling = new RopeScaling(1, false, scaling.OriginalContextLength, 1);
        _frequencyScale = windowed && shape.Architecture.LocalRopeBase > 0 ? 1 : scaling.FrequencyScale;
        (_width, _yarn, _factors) = (shape.RotatedWidth, scaling.Yarn, factors);
        _low = MathF.Max(0, MathF.Floor(Correction(scaling.OriginalContextLength, BetaFast)));
        _high = MathF.Min(_width - 1, MathF.Ceiling(Correction(scaling.OriginalContextLength, BetaSlow)));
        _magnitude = scaling.AttentionFactor * (_yarn ? 1 + (0.1f * MathF.Log(MathF.Max(1, 1 / _frequencyScale))) : 1);
    }

    /// <summary>Cosines and sines of one position.</summary>
    /// <param name="position">The position.</param>
    /// <param name="table">[rotated width]: cosine and sine of each pair.</param>
    public void Fill(int position, Span<float> table)
    {
        // Angles are multiplied up in single precision, as llama.cpp does, so that both turn by the same amount at long contexts.
        float theta = position;
        float step = MathF.Pow(_base, -2f / _width);
        for (int i = 0; i < _width; i += 2)
        {
            float unscaled = _factors is null ? theta : theta / _factors[i / 2];
            float angle = unscaled * _frequencyScale;
            if (_yarn)
            {
                float ramp = 1 - Math.Clamp(((i / 2) - _low) / MathF.Max(0.001f, _high - _low), 0, 1);
                angle = (angle * (1 - ramp)) + (unscaled * ramp);
            }

            table[i] = MathF.Cos(angle) * _magnitude;
            table[i + 1] = MathF.Sin(angle) * _magnitude;
            theta *= step;
        }
    }

    private float Correction(int originalContext, float rotations) =>
        _width * MathF.Log(originalContext / (rotations * 2 * MathF.PI)) / (2 * MathF.Log(_base));
}
