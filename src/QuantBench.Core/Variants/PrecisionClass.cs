namespace QuantBench.Core.Variants;

/// <summary>Coarse class of a variant by its bits per weight.</summary>
public enum PrecisionClass
{
    /// <summary>1–2 bits.</summary>
    UltraLow,

    /// <summary>3–4 bits.</summary>
    Low,

    /// <summary>5–8 bits.</summary>
    Medium,

    /// <summary>16–32 bits.</summary>
    Full,
}
