namespace QuantBench.Analysis.Plots;

/// <summary>Kinds of marks.</summary>
public enum PlotShape
{
    /// <summary>A line through the points.</summary>
    Line,

    /// <summary>A box between two corners.</summary>
    Box,

    /// <summary>A filled circle.</summary>
    Circle,

    /// <summary>A filled square.</summary>
    Square,

    /// <summary>A filled diamond.</summary>
    Diamond,

    /// <summary>A filled triangle that stands on its tip.</summary>
    TriangleDown,

    /// <summary>The outline of a circle.</summary>
    Ring,
}
