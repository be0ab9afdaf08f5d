using System.Text.Json.Serialization;

namespace QuantBench.Core.Metrics;

/// <summary>How the samples of a timing came to be. Figures of earlier builds have none: one process, nothing known of
/// interference.</summary>
public sealed record TimingFacts
{
    /// <summary>What the figure is worth; null for a figure like any other.</summary>
    [JsonPropertyName("mark")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public FigureMark? Mark { get; set; }

    /// <summary>Median of the clean samples of each launch, in the order of the launches; a launch without any has none.</summary>
    [JsonPropertyName("launch_values")]
    public double[] LaunchValues { get; set; } = [];

    /// <summary>Number of samples of each launch; <see cref="Measurement.Samples"/> has them one launch after the other.</summary>
    [JsonPropertyName("launch_samples")]
    public int[] LaunchSamples { get; set; } = [];

    /// <summary>Indexes of the samples that were taken while something else disturbed them; they don't count in the figure unless it is
    /// marked as disturbed.</summary>
    [JsonPropertyName("disturbed_samples")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int[]? DisturbedSamples { get; set; }
}
