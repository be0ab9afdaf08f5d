using System.Collections.Immutable;

namespace QuantBench.Analysis.Plots;

/// <summary>A plot with everything a reader who can't see it needs.</summary>
/// <param name="Id">Stable id, e.g. <c>perplexity</c>; unique among a run's figures.</param>
/// <param name="Title">Title.</param>
/// <param name="Finding">What it shows, in one sentence computed from the data: the text alternative.</param>
/// <param name="Caption">How to read it, and what is left out.</param>
/// <param name="Svg">
/// One <c>svg</c> element without XML declaration, transparent ground, colours as CSS variables <c>--qb-…</c> that follow the reader's colour scheme.
/// </param>
/// <param name="Head">Column heads of the data behind it.</param>
/// <param name="Rows">The data, one text per column.</param>
public sealed record PlotFigure(
    string Id, string Title, string Finding, string Caption, string Svg, ImmutableArray<string> Head, ImmutableArray<ImmutableArray<string>> Rows);
