namespace QuantBench.Analysis.Plots;

/// <summary>What a drawing process answers, one line of JSON each.</summary>
/// <param name="Svg">The scene, drawn.</param>
/// <param name="Png">The SVG as PNG.</param>
/// <param name="Problem">Why there is neither.</param>
internal sealed record PlotReply(string? Svg, byte[]? Png, string? Problem);
