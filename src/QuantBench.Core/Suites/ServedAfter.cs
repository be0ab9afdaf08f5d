namespace QuantBench.Core.Suites;

/// <summary>What becomes of a server's model once its cells are measured.</summary>
public enum ServedAfter
{
    /// <summary>Nothing.</summary>
    Keep,

    /// <summary>It leaves the server's memory.</summary>
    Unload,

    /// <summary>It leaves the memory, and the disk too if this run pulled it.</summary>
    Delete,
}
