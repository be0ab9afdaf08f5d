namespace QuantBench.Analysis.Plots;

/// <summary>The pen of this process. A command draws by itself; a server, which mustn't end with a native library, lets a process of its
/// own draw.</summary>
public static class PlotPen
{
    private static volatile IPlotPen s_current = new ScottPlotPen();

    /// <summary>The pen that plots are drawn with.</summary>
    public static IPlotPen Current => s_current;

    /// <summary>Draws with another pen from now on.</summary>
    /// <param name="pen">The pen.</param>
    public static void Use(IPlotPen pen) => s_current = pen;
}
