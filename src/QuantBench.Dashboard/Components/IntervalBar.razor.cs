using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Compare;
using QuantBench.Core.Metrics;

namespace QuantBench.Dashboard.Components;

/// <summary>A difference with its interval on a scale where right is better; the same text stands beside it.</summary>
public sealed partial class IntervalBar
{
    private const double Middle = 75;
    private const double Reach = 71; // leaves room for the tick at either end

    /// <summary>Relative difference; null = none known.</summary>
    [Parameter]
    public double? Estimate { get; set; }

    /// <summary>Low end of its interval.</summary>
    [Parameter]
    public double? Low { get; set; }

    /// <summary>High end of its interval.</summary>
    [Parameter]
    public double? High { get; set; }

    /// <summary>Difference at either end of the scale.</summary>
    [Parameter]
    public double Range { get; set; } = 0.1;

    /// <summary>Which way the metric is better.</summary>
    [Parameter]
    public Direction Direction { get; set; }

    /// <summary>The verdict; only a shown difference has a hue.</summary>
    [Parameter]
    public Verdict Verdict { get; set; }

    private string Class => Verdict switch { Verdict.Better => "better", Verdict.Worse => "worse", _ => "" };

    private string BandX => Text(Math.Min(At(Low), At(High)));

    private string BandWidth => Text(Math.Max(1, Math.Abs(At(High) - At(Low))));

    private string Tick => $"M{Text(At(Estimate))} 3V15";

    private double At(double? difference)
    {
        double share = Math.Clamp((difference ?? 0) / Range, -1, 1);
        return Middle + (Reach * (Direction == Direction.Lower ? -share : share));
    }

    private static string Text(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
