using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using QuantBench.Core.Errors;

namespace QuantBench.Engines.OnnxRuntime.Imports;

/// <summary>A figure that Olive measured itself.</summary>
/// <param name="Name">Metric and sub-metric, as Olive joins them: <c>latency-avg</c>.</param>
/// <param name="Value">The figure, in Olive's own unit.</param>
/// <param name="HigherIsBetter">Which way is better.</param>
internal sealed record OliveMetric(string Name, double Value, bool HigherIsBetter);

/// <summary>
/// What Olive left beside a model it wrote: its own metrics (<c>metrics.json</c>) and the passes by which the model came to be
/// (<c>footprint.json</c>). They are shown beside our figures, never among them: Olive measured on its own data, in its own way. Files that
/// can't be read count as absent, since the model runs without them; what was absent or unreadable is said.
/// </summary>
internal sealed record OliveOutput
{
    private const long MaxBytes = 64 << 20;
    private static readonly string[] s_footprints = ["footprint.json", "output_footprint.json"];

    /// <summary>Its metrics of the model.</summary>
    public ImmutableArray<OliveMetric> Metrics { get; private init; } = [];

    /// <summary>Its metrics of the model it started from.</summary>
    public ImmutableArray<OliveMetric> InputMetrics { get; private init; } = [];

    /// <summary>Passes from the input model to this one, in order.</summary>
    public ImmutableArray<string> Passes { get; private init; } = [];

    /// <summary>Why a file couldn't be read.</summary>
    public ImmutableArray<string> Problems { get; private init; } = [];

    /// <summary>Whether Olive left anything.</summary>
    public bool IsEmpty => Metrics.IsEmpty && InputMetrics.IsEmpty && Passes.IsEmpty && Problems.IsEmpty;

    /// <summary>Reads a directory.</summary>
    /// <param name="directory">Where the model lies.</param>
    public static OliveOutput Read(string directory)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        ImmutableArray<OliveMetric> metrics = [];
        ImmutableArray<string> passes = [];
        foreach (string name in s_footprints)
        {
            using JsonDocument? footprint = Parse(Path.Combine(directory, name), problems);
            if (footprint is null) continue;
            (passes, metrics) = ReadFootprint(footprint.RootElement);
            break;
        }

        using (JsonDocument? own = Parse(Path.Combine(directory, "metrics.json"), problems))
        {
            if (own is not null) metrics = ReadMetrics(own.RootElement);
        }

        using JsonDocument? input = Parse(Path.Combine(directory, "input_model_metrics.json"), problems);
        return new OliveOutput
        {
            Metrics = metrics,
            InputMetrics = input is null ? [] : ReadMetrics(input.RootElement),
            Passes = passes,
            Problems = problems.ToImmutable(),
        };
    }

    /// <summary>For a cell's provenance.</summary>
    /// <param name="directory">Where the model lies.</param>
    public static ImmutableSortedDictionary<string, string> Facts(string directory)
    {
        OliveOutput output = Read(directory);
        var facts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (OliveMetric metric in output.Metrics)
            facts[$"olive_{metric.Name}"] = metric.Value.ToString("R", CultureInfo.InvariantCulture);
        foreach (OliveMetric metric in output.InputMetrics)
            facts[$"olive_input_{metric.Name}"] = metric.Value.ToString("R", CultureInfo.InvariantCulture);
        if (output.Passes.Length > 0) facts["olive_passes"] = string.Join(" > ", output.Passes);
        return facts.ToImmutable();
    }

    /// <summary>For a cell's marks.</summary>
    /// <param name="directory">Where the model lies.</param>
    public static ImmutableArray<string> Notes(string directory)
    {
        OliveOutput output = Read(directory);
        var notes = ImmutableArray.CreateBuilder<string>();
        if (output.Metrics.Length > 0) notes.Add($"Olive's own figures: {Text(output.Metrics)}");
        if (output.InputMetrics.Length > 0) notes.Add($"Olive's own figures of its input model: {Text(output.InputMetrics)}");
        if (output.Passes.Length > 0) notes.Add($"made by Olive: {string.Join(", ", output.Passes)}");
        notes.AddRange(output.Problems);
        return notes.ToImmutable();
    }

    private static string Text(ImmutableArray<OliveMetric> metrics) =>
        string.Join(", ",
            metrics.Select(m =>
                string.Create(CultureInfo.InvariantCulture,
                    $"{m.Name} {m.Value:G6} ({(m.HigherIsBetter ? "higher" : "lower")} is better)")));

    private static JsonDocument? Parse(string path, ImmutableArray<string>.Builder problems)
    {
        if (!File.Exists(path)) return null;
        try
        {
            if (new FileInfo(path).Length <= MaxBytes) return JsonDocument.Parse(File.ReadAllBytes(path));
            problems.Add($"Olive's {Path.GetFileName(path)} is larger than 64 MiB and was not read");
        }
        catch (Exception e) when (e is JsonException || DiskFault.Is(e))
        {
            problems.Add($"Olive's {Path.GetFileName(path)} can't be read: {e.Message.Split('\n')[0]}");
        }

        return null;
    }

    /// <summary>Metrics of a map from name to value, priority and direction; older files wrap the map in another <c>value</c>.</summary>
    private static ImmutableArray<OliveMetric> ReadMetrics(JsonElement map)
    {
        if (map.ValueKind != JsonValueKind.Object) return [];
        if (map.TryGetProperty("value", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object) map = inner;
        var metrics = ImmutableArray.CreateBuilder<OliveMetric>();
        foreach (JsonProperty metric in map.EnumerateObject())
        {
            if (metric.Value.ValueKind != JsonValueKind.Object || !metric.Value.TryGetProperty("value", out JsonElement value)) continue;
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number)) continue;
            bool higher = metric.Value.TryGetProperty("higher_is_better", out JsonElement better) && better.ValueKind == JsonValueKind.True;
            metrics.Add(new OliveMetric(metric.Name, number, higher));
        }

        return metrics.ToImmutable();
    }

    /// <summary>The footprint's last model, its metrics, and the passes that lead to it from the model without a parent.</summary>
    private static (ImmutableArray<string> Passes, ImmutableArray<OliveMetric> Metrics) ReadFootprint(JsonElement footprint)
    {
        if (footprint.ValueKind != JsonValueKind.Object) return ([], []);
        Dictionary<string,
            JsonElement> models = footprint.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Object).GroupBy(p => p.Name)
                .ToDictionary(g => g.Key, g => g.Last().Value);
        if (models.Count == 0) return ([], []);
        string? at = footprint.EnumerateObject().Last(p => models.ContainsKey(p.Name)).Name;
        ImmutableArray<OliveMetric> metrics = models[at].TryGetProperty("metrics", out JsonElement found) ? ReadMetrics(found) : [];
        var passes = new List<string>();
        // A hostile file may close the chain to a ring.
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (at is not null && seen.Add(at) && models.TryGetValue(at, out JsonElement model))
        {
            if (Member(model, "from_pass") is { } pass) passes.Insert(0, pass);
            at = Member(model, "parent_model_id");
        }

        return ([.. passes], metrics);
    }

    private static string? Member(JsonElement of, string name) =>
        of.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
