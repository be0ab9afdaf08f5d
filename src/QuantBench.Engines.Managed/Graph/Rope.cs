namespace QuantBench.Engines.Managed.Graph;

/// <summary>Rotary position embeddings with linear, llama-3, YaRN and longrope scaling.</summary>
internal sealed unsafe class Rope
{
    private readonly bool _neox;
    private readonly int _width;
    private readonly float _base;
    private readonly float _frequencyScale;
    private readonly RopeScaling _scaling;
    private readonly float* _factors;
    private readonly float _low;
    private readonly float _high;
    private readonly float _magnitude;

    /// <param name="shape">The model's sizes.</param>
    /// <param name="ropeBase">RoPE base.</param>
    /// <param name="frequencyScale">Factor of positions.</param>
    /// <param name="factors">[rotated width / 2] divisors of angles, or null.</param>
    public Rope(ModelShape shape, float ropeBase, float frequencyScale, float* factors)
    {
        _neox = shape.NeoxRope;
        _width = shape.RotatedWidth;
        _base = ropeBase;
        _frequencyScale = frequencyScale;
        _scaling = shape.RopeScaling;
        _factors = factors;
        _low = MathF.Max(0, MathF.Floor(Correction(_scaling.BetaFast)));
        _high = MathF.Min(_width - 1, MathF.Ceiling(Correction(_scaling.BetaSlow)));
        _magnitude = _scaling.AttentionFactor * (_scaling.Yarn ? 1 + (0.1f * MathF.Log(MathF.Max(1, 1 / frequencyScale))) : 1);
    }

    /// <summary>Cosines and sines of one position.</summary>
    /// <param name="position">The position.</param>
    /// <param name="table">[rotated width]: cosine and sine of each pair.</param>
    public void Fill(int position, float* table)
    {
        // Angles are multiplied up in single precision, as llama.cpp does, so that both turn by the same amount at long contexts.
        float theta = position;
        float step = MathF.Pow(_base, -2f / _width);
        for (int i = 0; i < _width; i += 2)
        {
            float unscaled = _factors is null ? theta : theta / _factors[i / 2];
            float angle = unscaled * _frequencyScale;
            if (_scaling.Yarn)
            {
                float ramp = 1 - Math.Clamp(((i / 2) - _low) / MathF.Max(0.001f, _high - _low), 0, 1);
                angle = (angle * (1 - ramp)) + (unscaled * ramp);
            }

            table[i] = MathF.Cos(angle) * _magnitude;
            table[i + 1] = MathF.Sin(angle) * _magnitude;
            theta *= step;
        }
    }

    /// <summary>Rotates one head.</summary>
    /// <param name="head">[head width].</param>
    /// <param name="table">Of the token's position.</param>
    public void Apply(float* head, float* table)
    {
        int half = _width / 2;
        int apart = _neox ? half : 1;
        int step = _neox ? 1 : 2;
        float* x = head;
        for (int i = 0; i < half; i++, x += step)
        {
            float cos = table[2 * i], sin = table[(2 * i) + 1];
            float a = x[0], b = x[apart];
            x[0] = (a * cos) - (b * sin);
            x[apart] = (a * sin) + (b * cos);
        }
    }

    private float Correction(float rotations) =>
        _width * MathF.Log(_scaling.OriginalContextLength / (rotations * 2 * MathF.PI)) / (2 * MathF.Log(_base));
}
