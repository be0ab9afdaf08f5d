using System.Globalization;

namespace QuantBench.Engines.Remote.Clients;

/// <summary>Counters in Prometheus' text format (version 0.0.4): <c>name{label="value",…} number</c>, comments behind <c>#</c>.</summary>
/// <param name="text">The text.</param>
internal sealed class PrometheusText(string text)
{
    private const string ModelLabel = "model_name=\"";

    private readonly string[] _lines = text.Split('\n');

    /// <summary>The sum of a counter over its labels; null when it isn't there, or isn't a number.</summary>
    /// <param name="name">Its name, without the server's own in front of a colon.</param>
    /// <param name="model">Only of this model, where the lines name one.</param>
    public double? Sum(string name, string model)
    {
        double sum = 0;
        bool found = false;
        string escaped = model.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        string label = $"{ModelLabel}{escaped}\"";
        foreach (string line in _lines)
        {
            int end = line.AsSpan().IndexOfAny('{', ' ');
            if (end < 0 || !line.AsSpan(0, end)[(line.AsSpan(0, end).IndexOf(':') + 1)..].SequenceEqual(name.AsSpan())) continue;
            ReadOnlySpan<char> rest = line.AsSpan(end);
            if (rest[0] == '{')
            {
                int close = rest.LastIndexOf('}');
                if (close < 0) continue;
                ReadOnlySpan<char> labels = rest[..close];
                if (labels.Contains(ModelLabel, StringComparison.Ordinal) && !labels.Contains(label, StringComparison.Ordinal)) continue;
                rest = rest[(close + 1)..];
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
