namespace QuantBench.Inference.Engines;

/// <summary>Whether something can be done here, and if not, why, in words a person understands.</summary>
public readonly record struct Support
{
    private Support(string? reason) => Reason = reason;

    /// <summary>It can be done.</summary>
    public static Support Yes => default;

    /// <summary>Why it can't; null when it can.</summary>
    public string? Reason { get; }

    /// <summary>Whether it can be done.</summary>
    public bool IsSupported => Reason is null;

    /// <summary>It can't be done.</summary>
    /// <param name="reason">Names the device or artifact and what is missing, e.g. <c>opencl:0: device lacks generic address
    /// space</c>.</param>
    public static Support No(string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        return new Support(reason);
    }
}
