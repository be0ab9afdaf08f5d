namespace QuantBench.Core.Errors;

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

    /// <summary>The answer of a check, which may also say no by an <see cref="UnsupportedException"/>; faults go through.</summary>
    /// <param name="check">The check.</param>
    public static Support Of(Func<Support> check)
    {
        ArgumentNullException.ThrowIfNull(check);
        try
        {
            return check();
        }
        catch (UnsupportedException e)
        {
            return No(e.Explanation);
        }
    }

    /// <summary>Goes on if it can be done.</summary>
    /// <exception cref="UnsupportedException">It can't.</exception>
    public void OrThrow()
    {
        if (Reason is not null) throw new UnsupportedException(null, Reason);
    }
}
