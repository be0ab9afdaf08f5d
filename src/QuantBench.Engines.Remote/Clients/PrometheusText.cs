using System.Globalization;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>Counters in Prometheus' text format (version 0.0.4): <c>name{label="value",…} number</c>, comments behind <c>#</c>.</summary>
/// <param name="text">The text.</param>
internal sealed class PrometheusText(string text)
{
    private const string ModelLabel = "model_name=\"";

    private readonly string[] _lines = text.Split('\n');

    /// <summary>The sum of a counter over its labels; null when it isn't there, or isn't a number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="model">Only of this model, where the lines name one.</param>
    public double? Sum(string name, string model)
    {
        double sum = 0;
        bool found = false;
        string escaped = model.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        string label = $"{ModelLabel}{escaped}\"";
        foreach (string line in _lines)
        {
            if (!line.StartsWith(name, StringComparison.Ordinal)) continue;
            ReadOnlySpan<char> rest = line.AsSpan(name.Length);
            if (rest.StartsWith("{"))
            {
                int end = rest.LastIndexOf('}');
                if (end < 0) continue;
                ReadOnlySpan<char> labels = rest[..end];
                if (labels.Contains(ModelLabel, StringComparison.Ordinal) && !labels.Contains(label, StringComparison.Ordinal)) continue;
                rest = rest[(end + 1)..];
            }
            else if (!rest.StartsWith(" "))
            {
                continue; // a longer name
            }

            rest = rest.Trim();
            if (rest.IndexOf(' ') is > 0 and var stamp) rest = rest[..stamp];
            if (!double.TryParse(rest, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
                return null;
            (sum, found) = (sum + value, true);
        }

        return found ? sum : null;
    }
}
