using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Limits;

/// <summary>A metric, and which of a run's settings it is meant at: <c>tg_tps</c>, <c>tg_tps@depth=512</c>,
/// <c>rss_peak@workload=load</c>.</summary>
/// <param name="Definition">The metric, measured or computed.</param>
/// <param name="Settings">Settings the cell must have, by key; <c>workload</c> stands for the cell's workload. Empty = as
/// <c>CandidateSet</c> chooses and says.</param>
public sealed record MetricSelector(MetricDefinition Definition, ImmutableSortedDictionary<string, string> Settings)
{
    private const string Workload = "workload";

    /// <summary>The metric's name.</summary>
    public string Metric => Definition.Name;

    private ImmutableSortedDictionary<string, string> Defaults { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Reads <c>metric[@key=value[,key=value…]]</c>.</summary>
    /// <param name="text">As a user writes it.</param>
    /// <param name="engines">Engines whose own settings may be named.</param>
    /// <exception cref="RequestException">No such metric or setting.</exception>
    public static MetricSelector Parse(string text, EngineCatalog? engines = null) =>
        // non-null without a fault
        Read(text, engines, out MetricSelector? selector) is { } fault ? throw new RequestException(fault.Problem, fault.Hint) : selector!;

    /// <summary>A metric at whatever settings the run has.</summary>
    /// <param name="metric">The metric.</param>
    public static MetricSelector Of(MetricDefinition metric) => new(metric, ImmutableSortedDictionary<string, string>.Empty);

    /// <inheritdoc/>
    public override string ToString() =>
        Settings.IsEmpty ? Metric : $"{Metric}@{string.Join(',', Settings.Select(s => $"{s.Key}={s.Value}"))}";

    /// <summary>Equality by what is written.</summary>
    public bool Equals(MetricSelector? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>Whether a cell's workload and settings are those asked for; a setting that the cell doesn't record counts at its
    /// default.</summary>
    /// <param name="workload">The cell's workload.</param>
    /// <param name="settings">The cell's settings.</param>
    public bool Fits(string workload, CellSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Settings.All(s => s.Key == Workload ? s.Value == workload
            : string.Equals(settings.Shown(s.Key, Defaults.GetValueOrDefault(s.Key)), s.Value, StringComparison.OrdinalIgnoreCase));
    }

    internal static (string Problem, string Hint)? Read(string text, EngineCatalog? engines, out MetricSelector? selector)
    {
        ArgumentNullException.ThrowIfNull(text);
        selector = null;
        engines ??= EngineCatalog.None;
        var defaults = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        int at = text.IndexOf('@', StringComparison.Ordinal);
        string name = (at < 0 ? text : text[..at]).Trim();
        if (DecisionMetrics.Find(name) is not { } definition)
            return ($"there is no metric '{name}'", DidYouMean.Hint(name, DecisionMetrics.Names, "metrics"));
        var settings = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string part in at < 0 ? [] : text[(at + 1)..].Split(','))
        {
            string[] pair = part.Split('=', 2, StringSplitOptions.TrimEntries);
            if (pair.Length != 2 || pair[0].Length == 0 || pair[1].Length == 0)
                return ($"'{part}' after '{name}@' isn't setting=value", "e.g. tg_tps@depth=512");
            if (engines.Setting(pair[0]) is { } setting)
            {
                defaults[pair[0]] = Convert.ToString(setting.Default, CultureInfo.InvariantCulture) ?? "";
            }
            else if (pair[0] != Workload)
            {
                return ($"there is no setting '{pair[0]}'",
                    DidYouMean.Hint(pair[0], [Workload, .. engines.Settings.Select(s => s.Key)], "settings"));
            }

            // Settings are compared as the cell prints them: flags and numbers in invariant form.
            settings[pair[0]] = double.TryParse(pair[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                ? number.ToString(CultureInfo.InvariantCulture)
                : pair[1];
        }

        selector = new MetricSelector(definition, settings.ToImmutable()) { Defaults = defaults.ToImmutable() };
        return null;
    }
}
