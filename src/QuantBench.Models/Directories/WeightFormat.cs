namespace QuantBench.Models.Directories;

/// <summary>How a directory of safetensors stores its matrices.</summary>
public enum WeightFormat
{
    /// <summary>Floats.</summary>
    Float,

    /// <summary>MLX.</summary>
    Mlx,

    /// <summary>GPTQ.</summary>
    Gptq,

    /// <summary>AWQ.</summary>
    Awq,

    /// <summary>Small floats and whole numbers under scales: compressed-tensors, ModelOpt, FP8, bitsandbytes.</summary>
    Scaled,
}
