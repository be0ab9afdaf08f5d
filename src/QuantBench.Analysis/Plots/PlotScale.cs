using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Plots;

/// <summary>Limits and ticks of axes. Log values are plotted as log10.</summary>
internal static class PlotScale
{
    private const int MostDecades = 7;

    /// <summary>Limits around values with room for labels.</summary>
    public static (double Min, double Max) Around(IEnumerable<double> values, double margin = 0.08)
    {
        double[] all = [.. values.Where(double.IsFinite)];
        if (all.Length == 0) return (0, 1);
        double min = all.Min();
        double max = all.Max();
        double span = max > min ? max - min : Math.Max(Math.Abs(max) * 0.1, 1e-9);
        return (min - (span * margin), max + (span * margin));
    }

    /// <summary>Ticks at 1-2-5 steps, at most about six.</summary>
    public static IEnumerable<(double At, string Text)> Linear((double Min, double Max) limits)
    {
        double raw = (limits.Max - limits.Min) / 5;
        double power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double step = power * ((raw / power) switch { < 1.5 => 1, < 3.5 => 2, < 7.5 => 5, _ => 10 });
        int decimals = Math.Clamp(-(int)Math.Floor(Math.Log10(step) + 1e-9), 0, 10);
        for (double at = Math.Ceiling(limits.Min / step) * step; at <= limits.Max + (step * 1e-9); at += step)
            yield return (at, Format.Fixed(at, decimals));
    }

    /// <summary>Ticks at round numbers of the unit that fits.</summary>
    public static IEnumerable<(double At, string Text)> Bytes((double Min, double Max) limits)
    {
        double unit = 1;
        while (unit * ByteUnits.Step <= limits.Max) unit *= ByteUnits.Step;
        return Linear((limits.Min / unit, limits.Max / unit)).Select(t => (t.At * unit, Format.Bytes(t.At * unit)));
    }

    /// <summary>Ticks at 1-3-10 steps in plain decimals (at 1-2-5 within two decades), placed at log10.</summary>
    public static IEnumerable<(double At, string Text)> Log((double Min, double Max) log10Limits)
    {
        // Over many decades every step would be a wall of noughts: whole decades, then every second or third of them.
        double span = log10Limits.Max - log10Limits.Min;
        int stride = Math.Max(1, (int)Math.Ceiling(span / MostDecades));
        double[] steps = span > MostDecades / 2.0 ? [1] : span < 0.4 ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8] : span < 2 ? [1, 2, 5] : [1, 3];
        for (int decade = (int)Math.Floor(log10Limits.Min); decade <= log10Limits.Max; decade++)
        {
            if (decade % stride != 0) continue;
            foreach (double step in steps)
            {
                double at = decade + Math.Log10(step);
                if (at >= log10Limits.Min && at <= log10Limits.Max)
                    yield return (at, Format.Number(step * Math.Pow(10, decade), step % 1 == 0 ? 1 : 2));
            }
        }
    }
}
