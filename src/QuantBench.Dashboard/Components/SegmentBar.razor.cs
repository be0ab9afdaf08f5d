using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;

namespace QuantBench.Dashboard.Components;

/// <summary>Counts of a run as one bar; words with the same counts always stand beside it.</summary>
public sealed partial class SegmentBar
{
    /// <summary>The counts.</summary>
    [Parameter]
    [EditorRequired]
    public RunCounts Counts { get; set; } = null!;

    private ImmutableArray<Segment> Segments
    {
        get
        {
            var segments = ImmutableArray.CreateBuilder<Segment>();
            double at = 0;
            double total = Math.Max(1, Counts.Total);
            foreach ((string name,
                int count) in (ReadOnlySpan<(string, int)>)[("ok", Counts.Ok), ("uns", Counts.Unsupported), ("fail", Counts.Failed),
                    ("todo", Counts.Waiting)])
            {
                if (count == 0) continue;
                double width = 100 * count / total;
                segments.Add(new Segment(name, Text(at), Text(width)));
                at += width;
            }

            return segments.ToImmutable();
        }
    }

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private sealed record Segment(string Class, string X, string Width);
}
