using System.Collections.Immutable;

namespace QuantBench.Analysis.Plots;

/// <summary>What a pen is to draw: an area of fixed layout in data coordinates, and marks on it, the first one lowest. It is plain data,
/// so that another process can draw it.</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Padding">Pixels around the data area: left, right, bottom, top.</param>
/// <param name="X">Data across: from, to.</param>
/// <param name="Y">Data up: from, to.</param>
/// <param name="Bottom">Ticks below.</param>
/// <param name="Left">Ticks at the left.</param>
/// <param name="Axis">Colour of axes, <c>#rrggbb</c>.</param>
/// <param name="Grid">Colour of grid lines.</param>
/// <param name="Marks">The marks.</param>
public sealed record PlotScene(
    int Width, int Height, ImmutableArray<float> Padding, ImmutableArray<double> X, ImmutableArray<double> Y,
    ImmutableArray<PlotTick>? Bottom, ImmutableArray<PlotTick>? Left, string Axis, string Grid, ImmutableArray<PlotMark> Marks);
