namespace QuantBench.Core.Variants;

/// <summary>A quantization scheme of one format, e.g. Q4_K_M of GGUF.</summary>
/// <param name="Format">Format id: <c>gguf</c>, <c>onnx</c>, <c>mlx</c>, <c>safetensors</c>, <c>gptq</c>, <c>awq</c>,
/// <c>compressed-tensors</c>, <c>modelopt</c>, <c>fp8</c>, <c>bnb</c>.</param>
/// <param name="Name">The scheme's name as the field spells it, e.g. <c>Q4_K_M</c>.</param>
/// <param name="NominalBits">Nominal bits per weight: the number in its name (Q4_K_M: 4), 1.58-bit ternary schemes count as 2.</param>
/// <param name="NeedsImportanceMatrix">Whether the quantizer refuses to make it without an importance matrix.</param>
/// <param name="FileType">The <c>llama_ftype</c> number for GGUF schemes; −1 elsewhere.</param>
/// <param name="Description">One line for help texts.</param>
public sealed record QuantScheme(string Format, string Name, int NominalBits, bool NeedsImportanceMatrix, int FileType, string Description)
{
    // Most bits per weight that the layers of a class have: blocks' scales and mixes of types counted (Q2_K up to 3.4, Q4_K_M up to 5.2).
    private const double MostUltraLow = 3.5;
    private const double MostLow = 5.25;
    private const double MostMedium = 9;

    /// <summary>Weights of a row that share a scale, where the scheme's name says so; −1 = all of a row, 0 = the name doesn't
    /// say.</summary>
    public int GroupSize { get; init; }

    /// <summary>Whether its quantizer gives the same bytes with an importance matrix as without.</summary>
    public bool IgnoresImportanceMatrix { get; init; }

    /// <summary>Whether it is no scheme but a file as its maker left it, whatever its types are.</summary>
    public bool IsGiven { get; init; }

    /// <summary>Whether llama.cpp's quantizer makes it, so that single tensors can be given other types.</summary>
    public bool TakesTensorTypes => Format == "gguf" && NominalBits < 16 && !IsGiven && Name is not ("NVFP4" or "MXFP4");

    /// <summary>Whether making it needs a training text that activations are looked at on.</summary>
    public bool NeedsCalibrationText { get; init; }

    /// <summary>The precision class that <see cref="NominalBits"/> falls in.</summary>
    public PrecisionClass PrecisionClass => NominalBits switch
    {
        <= 2 => PrecisionClass.UltraLow,
        <= 4 => PrecisionClass.Low,
        <= 8 => PrecisionClass.Medium,
        _ => PrecisionClass.Full,
    };

    /// <summary>The precision class of a model whose layers were measured: the one its name promises, or a higher one where fall-backs to
    /// wider types gave them more bits than that class has. Of a file as its maker left it, the measured one.</summary>
    /// <param name="layerBits">Bits per weight of its layers' matrices.</param>
    public PrecisionClass ClassAt(double layerBits)
    {
        PrecisionClass measured = layerBits switch
        {
            <= MostUltraLow => PrecisionClass.UltraLow,
            <= MostLow => PrecisionClass.Low,
            <= MostMedium => PrecisionClass.Medium,
            _ => PrecisionClass.Full,
        };
        return IsGiven || measured > PrecisionClass ? measured : PrecisionClass;
    }
}
