namespace QuantBench.Engines.OnnxRuntime.Sessions;

/// <summary>How a decoder graph keeps keys and values between runs.</summary>
internal enum CacheKind
{
    /// <summary>It doesn't: each run needs the whole sequence.</summary>
    None,

    /// <summary>It gives past and new ones together as a new tensor.</summary>
    Growing,

    /// <summary>It writes new ones behind the past in the same buffer.</summary>
    Shared,
}
