using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Cells;

/// <summary>How a cell ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CellStatus>))]
public enum CellStatus
{
    /// <summary>Measured.</summary>
    [JsonStringEnumMemberName("ok")]
    Ok,

    /// <summary>Started and didn't finish; the reason says why.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>Can't run here; the reason says why in words a person understands.</summary>
    [JsonStringEnumMemberName("unsupported")]
    Unsupported,

    /// <summary>Stopped by the user before it finished; a resume measures it.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>What ended a failed cell.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FailureKind>))]
public enum FailureKind
{
    /// <summary>The worker reported an error.</summary>
    [JsonStringEnumMemberName("error")]
    Error,

    /// <summary>The worker process died by a signal or without a result.</summary>
    [JsonStringEnumMemberName("crashed")]
    Crashed,

    /// <summary>The cell's time limit passed.</summary>
    [JsonStringEnumMemberName("timeout")]
    Timeout,

    /// <summary>The cell's memory limit was passed, or the OS killed it for memory.</summary>
    [JsonStringEnumMemberName("out_of_memory")]
    OutOfMemory,

    /// <summary>The artifact couldn't be prepared.</summary>
    [JsonStringEnumMemberName("preparation")]
    Preparation,
}

/// <summary>One finished cell: a line of <c>cells.jsonl</c>, and the element of <c>results export --format json</c>.</summary>
public sealed record CellResult
{
    /// <summary>Mark on cells whose quality figures say nothing: their model's weights are random.</summary>
    public const string MeaninglessQuality = "meaningless quality: the model's weights are random";

    /// <summary>Key in <see cref="Provenance"/>: bits per weight of the layers' matrices.</summary>
    public const string LayerBits = "layer_bits";

    /// <summary>Version of this shape; 1.</summary>
    [JsonPropertyName("schema")]
    public int Schema { get; init; } = 1;

    /// <summary>What was measured.</summary>
    [JsonPropertyName("cell")]
    public required Cell Cell { get; init; }

    /// <summary>How it ended.</summary>
    [JsonPropertyName("status")]
    public required CellStatus Status { get; init; }

    /// <summary>Why, unless it ended well.</summary>
    [JsonPropertyName("reason")]
    public string? Reason { get; init; }

    /// <summary>What ended a failed cell.</summary>
    [JsonPropertyName("failure")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public FailureKind? Failure { get; init; }

    /// <summary>The measurements; empty unless <see cref="Status"/> is ok.</summary>
    [JsonPropertyName("metrics")]
    public ImmutableArray<Measurement> Metrics { get; init; } = [];

    /// <summary>Marks on the whole cell, e.g. <c>background load 1.8 while measuring</c>.</summary>
    [JsonPropertyName("notes")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<string>? Notes { get; init; }

    /// <summary>When the cell started, UTC.</summary>
    [JsonPropertyName("started")]
    public DateTimeOffset Started { get; init; }

    /// <summary>Wall-clock seconds from start of the worker to its end.</summary>
    [JsonPropertyName("seconds")]
    public double Seconds { get; init; }

    /// <summary>Everything that changed the answer, by name: model hash, artifact hash, recipe, engine build, device really used, dataset
    /// hash.</summary>
    [JsonPropertyName("provenance")]
    public ImmutableSortedDictionary<string, string> Provenance { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>State of the machine around a timing: temperatures, frequencies, load; absent where the OS doesn't tell.</summary>
    [JsonPropertyName("conditions")]
    public ImmutableSortedDictionary<string, double> Conditions { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>Every mark on the whole cell: those recorded, and what is known by now of figures that earlier builds recorded.</summary>
    [JsonIgnore]
    public ImmutableArray<string> Marks => HasDamageMissing ? [.. Notes ?? [], KvTypes.DamageMissing] : Notes ?? [];

    // Builds that gave the reference a cache of its own say so in the protocol.
    private bool HasDamageMissing => KvTypes.AreRounded(Cell.Settings) && Metrics.Any(m =>
        m.Protocol is { } protocol && protocol.Contains(";reference=", StringComparison.Ordinal)
            && !protocol.Contains(";reference_kv=", StringComparison.Ordinal));

    /// <summary>Whether quality figures of this cell say nothing.</summary>
    [JsonIgnore]
    public bool HasMeaninglessQuality => Notes?.Contains(MeaninglessQuality) ?? false;

    /// <summary>Precision class: by the layers' measured bits where they were recorded, else by the variant's nominal ones.</summary>
    [JsonIgnore]
    public PrecisionClass PrecisionClass => ClassOf(Cell.Variant.Scheme, Provenance.GetValueOrDefault(LayerBits));

    /// <summary>Precision class of a scheme: by the layers' measured bits, else by its nominal ones.</summary>
    /// <param name="scheme">The scheme.</param>
    /// <param name="layerBits">What was recorded as <see cref="LayerBits"/>; null where nothing was.</param>
    public static PrecisionClass ClassOf(QuantScheme scheme, string? layerBits)
    {
        ArgumentNullException.ThrowIfNull(scheme);
        return double.TryParse(layerBits, NumberStyles.Float, CultureInfo.InvariantCulture, out double bits) && double.IsFinite(bits)
            ? scheme.ClassAt(bits) : scheme.PrecisionClass;
    }

    /// <summary>Precision class of a variant: the highest of its cells'.</summary>
    /// <param name="variant">The variant.</param>
    /// <param name="cells">Its cells.</param>
    public static PrecisionClass ClassOf(Variant variant, IEnumerable<CellResult> cells)
    {
        ArgumentNullException.ThrowIfNull(variant);
        return cells.Select(c => c.PrecisionClass).Append(variant.Scheme.PrecisionClass).Max();
    }

    /// <summary>Whether other work on the machine is in any of its timings.</summary>
    [JsonIgnore]
    public bool IsDisturbed => Metrics.Any(m => m.IsDisturbed);

    /// <summary>The measurement of a name, or null.</summary>
    public Measurement? Metric(string name) => Metrics.FirstOrDefault(m => m.Name == name);
}
