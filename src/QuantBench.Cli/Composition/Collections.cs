namespace QuantBench.Cli.Composition;

/// <summary>When the garbage collector works in a command that reads much and ends soon.</summary>
internal static class Collections
{
    // What a comparison of two runs of 50,000 cells allocates with its export, about; it is only touched as far as it is used.
    private const long BudgetBytes = 320L << 20;

    /// <summary>
    /// Holds collections back until a budget is used up, then goes on as ever: nearly all that an analysis allocates lives until it is
    /// printed, so collecting on the way moves it and frees nothing.
    /// </summary>
    public static void HoldBack()
    {
        try
        {
            GC.TryStartNoGCRegion(BudgetBytes);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or InvalidOperationException)
        {
            // The heap is limited to less, or a region has begun: collections go on.
        }
    }
}
