namespace QuantBench.Models.Architectures;

/// <summary>Which layers a configuration's sliding window is for.</summary>
public enum SlidingWindow
{
    /// <summary>The architecture has none.</summary>
    None,

    /// <summary>All.</summary>
    EveryLayer,

    /// <summary>All but the last of each group of <see cref="DecoderArchitecture.WindowPattern"/> layers.</summary>
    Pattern,

    /// <summary>The upper ones, and only with <c>use_sliding_window</c>, which no engine here computes.</summary>
    WhenSwitchedOn,

    /// <summary>All by the paper, none by llama.cpp, whose figures others are compared with.</summary>
    Ignored,
}
