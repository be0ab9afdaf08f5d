using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Machine;

/// <summary>
/// What a machine of a lab is told by: <c>name=value</c>, several values of one name being several labels. Suites ask for them by
/// <c>name=value</c>, <c>name&gt;=value</c>, <c>name&lt;=value</c>, or <c>name</c> for any value.
/// </summary>
public static partial class MachineLabels
{
    /// <summary>Longest label or rule in characters.</summary>
    public const int Longest = 128;

    // What the vector instruction sets are called in suites; a machine has every one below its best.
    private static readonly (string Flag, string Isa)[] s_isas =
        [("avx2", "avx2"), ("avx512f", "avx512"), ("neon", "neon")];

    /// <summary>Labels of what was found on a machine: <c>arch</c>, <c>isa</c>, <c>cores</c>, <c>memory</c> in bytes, <c>os</c>,
    /// <c>gpu</c>.</summary>
    /// <param name="found">The machine.</param>
    public static ImmutableArray<string> Of(Fingerprint found)
    {
        ArgumentNullException.ThrowIfNull(found);
        var labels = new List<string>
        {
            "arch=" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
            string.Create(CultureInfo.InvariantCulture, $"cores={found.PhysicalCores ?? found.LogicalCores}"),
            string.Create(CultureInfo.InvariantCulture,
                $"memory={Math.Min(found.MemoryBytes, found.MemoryLimitBytes ?? long.MaxValue)}"),
            "os=" + (OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "linux"),
        };
        labels.AddRange(s_isas.Where(i => found.CpuFlags.Contains(i.Flag, StringComparer.OrdinalIgnoreCase)).Select(i => "isa=" + i.Isa));
        // A card's line ends with its driver; words of its name are labels, so that gpu=h200 finds it.
        foreach (string gpu in found.Gpus)
        {
            labels.AddRange(Words().Matches(gpu.Split(',')[0].ToLowerInvariant()).Select(m => "gpu=" + m.Value).Take(8));
        }

        return [.. labels.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Why a text is no label; null when it is one.</summary>
    /// <param name="label">The text.</param>
    public static string? Problem(string label) => label is { Length: <= Longest } && Label().IsMatch(label) ? null
        : $"'{label}' isn't name=value of letters, digits, '.', '_' and '-'";

    /// <summary>Why a text is no rule; null when it is one.</summary>
    /// <param name="rule">The text.</param>
    public static string? RuleProblem(string rule) => rule is { Length: <= Longest } && Rule().Match(rule) is { Success: true } match
        ? match.Groups["op"].Value is ">=" or "<=" && Number(match.Groups["value"].Value) is null
            ? $"'{match.Groups["value"].Value}' in '{rule}' is no number or size, like 16 or 16GiB" : null
        : $"'{rule}' isn't a label like isa=avx512, memory>=16GiB or gpu";

    /// <summary>The first rule that a machine's labels don't keep; null when they keep all.</summary>
    /// <param name="rules">The rules; each passes <see cref="RuleProblem"/>.</param>
    /// <param name="labels">The machine's labels.</param>
    public static string? Broken(IEnumerable<string> rules, IReadOnlyCollection<string> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return rules.FirstOrDefault(rule => !labels.Any(label => Keeps(rule, label)));
    }

    private static bool Keeps(string rule, string label)
    {
        Match match = Rule().Match(rule);
        int at = label.IndexOf('=', StringComparison.Ordinal);
        if (at < 0 || !label[..at].Equals(match.Groups["name"].Value, StringComparison.OrdinalIgnoreCase)) return false;
        string wanted = match.Groups["value"].Value;
        string has = label[(at + 1)..];
        return match.Groups["op"].Value switch
        {
            "" => true,
            "=" => has.Equals(wanted, StringComparison.OrdinalIgnoreCase),
            ">=" => Number(has) >= Number(wanted),
            _ => Number(has) <= Number(wanted),
        };
    }

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) ? number
            : Quantities.TryParseSize(text, out long bytes) ? bytes : null;

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9._-]*=[A-Za-z0-9._-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [GeneratedRegex(@"^(?<name>[A-Za-z][A-Za-z0-9._-]*)(?:(?<op>>=|<=|=)(?<value>[A-Za-z0-9._-]+))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Rule();

    [GeneratedRegex("[a-z0-9._-]{2,}", RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
