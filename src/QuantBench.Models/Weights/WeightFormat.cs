namespace QuantBench.Models.Weights;

/// <summary>How a directory of safetensors stores its matrices.</summary>
public enum WeightFormat
{
    /// <summary>Floats.</summary>
    Float,

    /// <summary>MLX's affine groups.</summary>
    Mlx,

    /// <summary>GPTQ.</summary>
    Gptq,

    /// <summary>AWQ.</summary>
    Awq,
}
