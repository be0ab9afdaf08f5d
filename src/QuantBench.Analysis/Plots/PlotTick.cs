namespace QuantBench.Analysis.Plots;

/// <summary>A tick of an axis.</summary>
/// <param name="At">Where, in data coordinates.</param>
/// <param name="Text">Its label.</param>
public sealed record PlotTick(double At, string Text);
