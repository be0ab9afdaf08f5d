namespace QuantBench.Models.Graphs;

/// <summary>What a model's files divide rotary angles by, one number per pair; null where they have none.</summary>
/// <param name="Always">For every context.</param>
/// <param name="Long">For contexts longer than the original.</param>
/// <param name="Short">For contexts up to the original length.</param>
public sealed record RotaryFactors(float[]? Always, float[]? Long, float[]? Short)
{
    /// <summary>Reads them.</summary>
    /// <param name="file">The model.</param>
    /// <param name="shape">Its sizes.</param>
    /// <exception cref="Core.Errors.ModelFormatException">One has another length, or its type can't be read.</exception>
    public static RotaryFactors Read(IModelFile file, DecoderShape shape)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(shape);
        float[]? Find(string name) => file.Contains(name) ? file.Vector(name, shape.RotatedWidth / 2) : null;
        return new RotaryFactors(Find("rope_freqs.weight"), Find("rope_factors_long.weight"), Find("rope_factors_short.weight"));
    }

    /// <summary>The angles of some layers.</summary>
    /// <param name="shape">The model's sizes.</param>
    /// <param name="contextLength">Tokens each sequence can hold.</param>
    /// <param name="windowed">Of layers with a sliding window.</param>
    public RotaryAngles Angles(DecoderShape shape, int contextLength, bool windowed = false)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return new RotaryAngles(shape, Always ?? (contextLength > shape.RopeScaling.OriginalContextLength ? Long : Short), windowed);
    }
}
