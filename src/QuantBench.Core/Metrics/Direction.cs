using System.Text.Json.Serialization;

namespace QuantBench.Core.Metrics;

/// <summary>Which way of a metric is the better one.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Direction>))]
public enum Direction
{
    /// <summary>Less is better.</summary>
    [JsonStringEnumMemberName("lower")]
    Lower,

    /// <summary>More is better.</summary>
    [JsonStringEnumMemberName("higher")]
    Higher,

    /// <summary>Neither: a description.</summary>
    [JsonStringEnumMemberName("none")]
    None,
}
