using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;

namespace QuantBench.Dashboard.Components;

/// <summary>Raw samples as dots, with the figure as a line and its interval as a band. Outliers are kept.</summary>
public sealed partial class SampleStrip
{
    private const double Left = 8;
    private const double Right = 290;
    private const int MostDots = 1000;

    private ImmutableArray<(string X, string Y, string Title)> _dots = [];
    private ImmutableArray<(string X, string Text)> _ticks = [];
    private (string X, string Width)? _band;
    private string _median = "";

    /// <summary>The samples.</summary>
    [Parameter]
    [EditorRequired]
    public double[] Samples { get; set; } = [];

    /// <summary>The measurement.</summary>
    [Parameter]
    [EditorRequired]
    public Measurement Metric { get; set; } = null!;

    private string Finding =>
        $"{Samples.Length} samples of {Metric.Name} between {Format.Number(Samples.Min(), 4)} and {Format.Number(Samples.Max(), 4)}, "
            + $"median {Format.Number(Descriptive.Median(Samples), 4)}";

    /// <inheritdoc/>
    protected override void OnParametersSet()
    {
        double[] finite = [.. Samples.Where(double.IsFinite)];
        if (finite.Length == 0) return;
        double low = finite.Min();
        double high = finite.Max();
        double span = high > low ? high - low : Math.Max(Math.Abs(low) * 0.01, 1e-9);
        (low, high) = (low - (span * 0.04), high + (span * 0.04));
        double X(double value) => Left + ((value - low) / (high - low) * (Right - Left));
        double figure = Metric.Error is null ? Metric.Value : Descriptive.Median(finite);
        _median = Text(X(Math.Clamp(figure, low, high)));
        _band = Metric.Ci95 is [double from, double to] && from >= low && to <= high ? (Text(X(from)), Text(Math.Max(1, X(to) - X(from))))
            : null;
        // Spread by the golden ratio: neighbours in time don't cover each other, and the picture is the same each time.
        _dots = [
            .. finite.Take(MostDots)
                .Select((v, i) => (Text(X(v)), Text(10 + (36 * (i * 0.618033988749895 % 1))), $"sample {i + 1}: {Format.Number(v, 5)}"))];
        double step = Step(span);
        var ticks = ImmutableArray.CreateBuilder<(string, string)>();
        for (double at = Math.Ceiling(low / step) * step; at <= high && ticks.Count < 8; at += step)
            ticks.Add((Text(X(at)), Format.Fixed(at, Math.Clamp(-(int)Math.Floor(Math.Log10(step) + 1e-9), 0, 8))));
        _ticks = ticks.ToImmutable();
    }

    private static double Step(double span)
    {
        double raw = span / 3;
        double power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        return power * ((raw / power) switch { < 1.5 => 1, < 3.5 => 2, < 7.5 => 5, _ => 10 });
    }

    private static string Text(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
