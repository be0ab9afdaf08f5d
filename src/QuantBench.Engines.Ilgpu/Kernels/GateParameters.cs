namespace QuantBench.Engines.Ilgpu.Kernels;

/// <summary>Sizes and switches (0 or 1) of <see cref="InputKernels.Gate"/>.</summary>
internal struct GateParameters
{
    /// <summary>Elements of a token.</summary>
    public int Width;

    /// <summary>Whether the activation is GELU; SiLU otherwise.</summary>
    public int Gelu;

    /// <summary>Whether the activation is the square of ReLU.</summary>
    public int SquaresRelu;

    /// <summary>Whether there is no gate: inputs = activation(up).</summary>
    public int OmitsGate;

    /// <summary>Whether the gate has a bias.</summary>
    public int HasGateBias;

    /// <summary>Whether the other factor has one.</summary>
    public int HasUpBias;

    /// <summary>Whether 8-bit chunks are wanted.</summary>
    public int Quantizes;

    /// <summary>Whether rows are slots of experts, each of which has biases of its own.</summary>
    public int IsOfExperts;

    /// <summary>gpt-oss's gate: min(g, 7) · σ(1.702 · min(g, 7)) · (clamp(u, ±7) + 1).</summary>
    public int Clamps;
}
