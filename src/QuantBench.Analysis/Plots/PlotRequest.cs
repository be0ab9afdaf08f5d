namespace QuantBench.Analysis.Plots;

/// <summary>What a drawing process is asked, one line of JSON each: a scene, or an SVG to be a PNG.</summary>
/// <param name="Scene">The scene.</param>
/// <param name="Svg">The SVG.</param>
internal sealed record PlotRequest(PlotScene? Scene, string? Svg);
