namespace QuantBench.Inference.Servers;

/// <summary>Where keys of servers come from, and what is written in their place.</summary>
public static class ServerKeys
{
    /// <summary>Beginning of the variables that hold one.</summary>
    public const string Prefix = "QUANTBENCH_KEY_";

    /// <summary>End of those that hold the path of a file with one.</summary>
    public const string FileSuffix = "_FILE";

    /// <summary>What stands in a key's place.</summary>
    public const string Hidden = "***";

    /// <summary>Shorter keys stand in ordinary words, and aren't looked for.</summary>
    public const int ShortestHidden = 6;
}
