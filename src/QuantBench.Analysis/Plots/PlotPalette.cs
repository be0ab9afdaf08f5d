using System.Collections.Immutable;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Plots;

/// <summary>
/// Roles of colour in plots. The pen is given an opaque sentinel per role; the finished SVG names the role's CSS variable instead, so one
/// render serves light and dark. Sentinels have no short or named spelling, so the writer has one way to spell them.
/// </summary>
internal static class PlotPalette
{
    public static readonly PlotRole Ink = new("ink", "#10161d", "#e8edf1", "#0A0B01");
    public static readonly PlotRole Ink3 = new("ink3", "#5a6671", "#939fab", "#0A0B02");
    public static readonly PlotRole Grid = new("grid", "#dbe0e4", "#29313a", "#0A0B03");
    public static readonly PlotRole Panel = new("panel", "#ffffff", "#151a20", "#0A0B04");
    public static readonly PlotRole C1 = new("c1", "#1b418c", "#5079d4", "#0A0B05");
    public static readonly PlotRole C2 = new("c2", "#b2500f", "#f19162", "#0A0B06");
    public static readonly PlotRole C3 = new("c3", "#0ea17a", "#86f0ca", "#0A0B07");
    public static readonly PlotRole C4 = new("c4", "#d067c2", "#a3629a", "#0A0B08");
    public static readonly PlotRole C5 = new("c5", "#9c860e", "#f6cf6b", "#0A0B0D");

    public static readonly PlotRole Better = new("better", "#185295", "#8ac5f3", "#0A0B09");
    public static readonly PlotRole Worse = new("worse", "#91380e", "#f1ad71", "#0A0B0C");

    public static readonly ImmutableArray<PlotRole> All = [Ink, Ink3, Grid, Panel, C1, C2, C3, C4, C5, Better, Worse];

    /// <summary>Colour of a precision class; its marker shape says the same.</summary>
    public static PlotRole Of(PrecisionClass precision) => precision switch
    {
        PrecisionClass.UltraLow => C2,
        PrecisionClass.Low => C4,
        PrecisionClass.Medium => C3,
        _ => C1,
    };

    /// <summary>Marker of a precision class.</summary>
    public static PlotShape Shape(PrecisionClass precision) => precision switch
    {
        PrecisionClass.UltraLow => PlotShape.TriangleDown,
        PrecisionClass.Low => PlotShape.Diamond,
        PrecisionClass.Medium => PlotShape.Circle,
        _ => PlotShape.Square,
    };

    /// <summary>The marker as a character, for keys.</summary>
    public static string Glyph(PrecisionClass precision) => precision switch
    {
        PrecisionClass.UltraLow => "▼",
        PrecisionClass.Low => "◆",
        PrecisionClass.Medium => "●",
        _ => "■",
    };
}

/// <summary>One role of colour.</summary>
/// <param name="Name">Name of the variable after <c>--qb-</c>.</param>
/// <param name="Light">Value on a light ground.</param>
/// <param name="Dark">Value on a dark ground.</param>
/// <param name="Sentinel">What the pen is told.</param>
internal sealed record PlotRole(string Name, string Light, string Dark, string Sentinel)
{
    // Where style sheets are forbidden, the light value stays readable on the neutral panel.
    public string Css => $"var(--qb-{Name},{Light})";
}
