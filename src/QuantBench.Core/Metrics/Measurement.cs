using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace QuantBench.Core.Metrics;

/// <summary>
/// One metric of one cell. Optional members are null, and absent from JSON, where they don't apply: a single figure (a file's size) has no
/// samples, and a percentile is given only when there are enough samples for it.
/// </summary>
public sealed record Measurement
{
    /// <summary>What usually makes a model's answers nonsense, for hints.</summary>
    public const string CausesOfNonsense =
        "weights laid out otherwise than the files say (zero points, group sizes, packing, order of heads), the tokenizer of another "
            + "model, a damaged file, too few bits for this model";

    /// <summary>First words of the mark on a perplexity above that of guessing.</summary>
    public const string WorseThanChance = "worse than chance";

    /// <summary>First words of the mark on a divergence below twice what the reference's own arithmetic is worth.</summary>
    public const string NotToldFromNoise = "not told from noise";

    /// <summary>Metric name; a name of <see cref="MetricTable"/>.</summary>
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>Unit, as in <see cref="MetricTable"/>.</summary>
    [JsonPropertyName("unit")]
    public required string Unit { get; init; }

    /// <summary>Which way is better.</summary>
    [JsonPropertyName("direction")]
    public required Direction Direction { get; init; }

    /// <summary>The figure to quote: the estimate itself for quality metrics, the median of <see cref="Samples"/> for timings.</summary>
    [JsonPropertyName("value")]
    public required double Value { get; init; }

    /// <summary>Standard error of <see cref="Value"/> for quality metrics.</summary>
    [JsonPropertyName("error")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Error { get; init; }

    /// <summary>Number of observations behind the figure: scored tokens, repetitions, token gaps.</summary>
    [JsonPropertyName("n")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? N { get; init; }

    /// <summary>Arithmetic mean.</summary>
    [JsonPropertyName("mean")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Mean { get; init; }

    /// <summary>Sample standard deviation (n − 1).</summary>
    [JsonPropertyName("sd")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? StandardDeviation { get; init; }

    /// <summary>Median.</summary>
    [JsonPropertyName("median")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Median { get; init; }

    /// <summary>Smallest observation.</summary>
    [JsonPropertyName("min")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Min { get; init; }

    /// <summary>Largest observation.</summary>
    [JsonPropertyName("max")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Max { get; init; }

    /// <summary>90th percentile; null below 64 observations.</summary>
    [JsonPropertyName("p90")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? P90 { get; init; }

    /// <summary>95th percentile; null below 130 observations.</summary>
    [JsonPropertyName("p95")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? P95 { get; init; }

    /// <summary>99th percentile; null below 662 observations.</summary>
    [JsonPropertyName("p99")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? P99 { get; init; }

    /// <summary>95 % interval of <see cref="Value"/>: [low, high].</summary>
    [JsonPropertyName("ci95")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double[]? Ci95 { get; init; }

    /// <summary>Raw observations in the order they were taken, in <see cref="Unit"/>. Those of quality figures are per chunk of the
    /// text.</summary>
    [JsonPropertyName("samples")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double[]? Samples { get; init; }

    /// <summary>Protocol id: what must be equal before two quality figures may be compared.</summary>
    [JsonPropertyName("protocol")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Protocol { get; init; }

    /// <summary>Marks on this figure, e.g. <c>warm-up cap reached</c>; empty when there are none.</summary>
    [JsonPropertyName("notes")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? Notes { get; init; }

    /// <summary>The mark, in its first words, that must stand beside the figure wherever it is shown; null when there is none.</summary>
    [JsonIgnore]
    public string? Caveat => IsWorseThanChance ? WorseThanChance
        : Notes?.Any(n => n.StartsWith(NotToldFromNoise, StringComparison.Ordinal)) == true ? NotToldFromNoise : null;

    /// <summary>Whether it is marked as worse than guessing.</summary>
    [JsonIgnore]
    public bool IsWorseThanChance => Notes?.Any(n => n.StartsWith(WorseThanChance, StringComparison.Ordinal)) ?? false;

    /// <summary>Launches, disturbed samples and mark of a timing; null for other figures and for timings of earlier builds.</summary>
    [JsonPropertyName("timing")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TimingFacts? Timing { get; init; }

    /// <summary>What the figure is worth; null for one like any other.</summary>
    [JsonIgnore]
    public FigureMark? Mark => Timing?.Mark;

    /// <summary>Whether other work on the machine is in the figure.</summary>
    [JsonIgnore]
    public bool IsDisturbed => Mark == FigureMark.Disturbed;

    /// <summary>Worker processes that took the samples.</summary>
    [JsonIgnore]
    public int Launches => Timing is { LaunchSamples.Length: > 0 } timing ? timing.LaunchSamples.Length : 1;

    /// <summary>A measurement with the unit and direction that <see cref="MetricTable"/> gives the name.</summary>
    /// <param name="name">A metric's name.</param>
    /// <param name="value">The figure to quote.</param>
    /// <param name="error">Its standard error, if known.</param>
    /// <param name="n">Number of observations, if more than one.</param>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public static Measurement Of(string name, double value, double? error = null, long? n = null)
    {
        MetricDefinition metric = MetricTable.Get(name);
        return new Measurement { Name = name, Unit = metric.Unit, Direction = metric.Direction, Value = value, Error = error, N = n };
    }
}
