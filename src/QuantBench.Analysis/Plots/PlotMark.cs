using System.Collections.Immutable;

namespace QuantBench.Analysis.Plots;

/// <summary>A mark: a marker at one point, a line through points, or a box between two corners.</summary>
/// <param name="Shape">Its kind.</param>
/// <param name="Xs">Data across, one per point.</param>
/// <param name="Ys">Data up, one per point.</param>
/// <param name="Color">Colour, <c>#rrggbb</c>.</param>
/// <param name="Size">Width of a line, or size of a marker, in pixels.</param>
/// <param name="Fill">Colour inside a hollow marker; null = it is solid.</param>
/// <param name="Dashed">Whether a line is dashed.</param>
public sealed record PlotMark(PlotShape Shape, ImmutableArray<double> Xs, ImmutableArray<double> Ys, string Color, float Size,
    string? Fill = null, bool Dashed = false);
