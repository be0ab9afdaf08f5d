using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Traffic;

/// <summary>What a service must keep, as suites write it: <c>ttft_p99 500ms, itl_p99 50ms</c>.</summary>
/// <param name="Terms">At least one.</param>
public sealed record ServiceObjective(ImmutableArray<ServiceTerm> Terms)
{
    /// <summary>Reads an objective.</summary>
    /// <param name="text">Terms with commas between them; each a latency with a percentile, and its limit.</param>
    /// <param name="problem">What is wrong; null when nothing is.</param>
    /// <returns>Null when there is none, or it is wrong.</returns>
    public static ServiceObjective? Parse(string text, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        problem = null;
        if (text.Trim().Length == 0) return null;
        var terms = ImmutableArray.CreateBuilder<ServiceTerm>();
        foreach (string part in text.Split(','))
        {
            string[] words = part.Split([' ', ':', '='], StringSplitOptions.RemoveEmptyEntries);
            int mark = words.Length == 2 ? words[0].LastIndexOf("_p", StringComparison.Ordinal) : -1;
            if (mark < 0
                || !Enum.TryParse(words[0][..mark], ignoreCase: true, out Latency latency) || !char.IsAsciiLetter(words[0][0])
                || !int.TryParse(words[0][(mark + 2)..], NumberStyles.None, CultureInfo.InvariantCulture, out int percent)
                || percent is < 1 or > 99 || !Quantities.TryParseDuration(words[1], out TimeSpan limit))
            {
                problem = $"'{part.Trim()}' is no limit of a latency; {string.Join(", ", Enum.GetNames<Latency>()).ToLowerInvariant()} "
                    + "are latencies, with a percentile from p1 to p99, e.g. ttft_p99 500ms";
                return null;
            }

            terms.Add(new ServiceTerm(latency, percent / 100.0, limit.TotalMilliseconds));
        }

        return new ServiceObjective(terms.ToImmutable());
    }
}
