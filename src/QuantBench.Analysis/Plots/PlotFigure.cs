using System.Collections.Immutable;

namespace QuantBench.Analysis.Plots;

/// <summary>A plot with everything a reader who can't see it needs.</summary>
/// <param name="Id">Stable id, e.g. <c>perplexity</c>; unique among a run's figures.</param>
/// <param name="Title">Title.</param>
/// <param name="Finding">What it shows, in one sentence computed from the data: the text alternative.</param>
/// <param name="Caption">How to read it, and what is left out.</param>
/// <param name="Svg">
/// One <c>svg</c> element without XML declaration, transparent ground, colours as CSS variables <c>--qb-…</c> that follow the reader's
/// colour scheme.
/// </param>
/// <param name="Head">Column heads of the data behind it.</param>
/// <param name="Rows">The data, one text per column.</param>
public sealed record PlotFigure(
    string Id, string Title, string Finding, string Caption, string Svg, ImmutableArray<string> Head,
    ImmutableArray<ImmutableArray<string>> Rows)
{
    /// <summary>Width of a figure beside others, in pixels at which its text has its own size.</summary>
    public const int Wide = 680;

    /// <summary>Width of a figure on a phone.</summary>
    public const int Slim = 366;

    /// <summary>The same data drawn for a phone; empty when only one width was asked for.</summary>
    public string SlimSvg { get; init; } = "";

    /// <summary>Draws at both widths.</summary>
    /// <param name="draw">Draws at a width; its id must differ, since both stand on one page.</param>
    /// <param name="id">Id of the figure.</param>
    /// <returns>The wide figure with the slim picture, or null when there is nothing to draw.</returns>
    public static PlotFigure? Both(Func<string, int, PlotFigure?> draw, string id)
    {
        ArgumentNullException.ThrowIfNull(draw);
        return draw(id, Wide) is { } wide ? wide with { SlimSvg = draw(id + "-slim", Slim)?.Svg ?? "" } : null;
    }
}
