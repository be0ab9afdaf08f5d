namespace QuantBench.Analysis.Plots;

/// <summary>Draws. A pen may be used from several threads; it draws one thing after the other.</summary>
public interface IPlotPen
{
    /// <summary>Draws a scene.</summary>
    /// <param name="scene">What to draw.</param>
    /// <returns>A whole SVG document.</returns>
    /// <exception cref="Core.Errors.QuantBenchException">It can't be drawn.</exception>
    string Draw(PlotScene scene);

    /// <summary>Draws one of our own SVG files as PNG.</summary>
    /// <param name="svg">The file, without style sheets.</param>
    /// <returns>A PNG of twice the size in pixels.</returns>
    /// <exception cref="Core.Errors.QuantBenchException">It can't be drawn.</exception>
    byte[] Png(string svg);
}
