using System.Text.Json.Serialization;

namespace QuantBench.Core.Metrics;

/// <summary>What a timing's figure is worth when it isn't worth what a figure usually is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FigureMark>))]
public enum FigureMark
{
    /// <summary>Too few repetitions for an interval: an order of magnitude.</summary>
    [JsonStringEnumMemberName("about")]
    About,

    /// <summary>Other work on the machine is in the figure: it gives no verdict, no front and no recommendation.</summary>
    [JsonStringEnumMemberName("disturbed")]
    Disturbed,
}
