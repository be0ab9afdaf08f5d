using System.IO.Enumeration;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;

namespace QuantBench.Runner.Runs;

/// <summary>
/// Narrows a suite on the command line. One pattern: <c>Q4_*</c> keeps cells whose model, variant, backend or workload matches it;
/// <c>variant=Q4_*,workload=latency</c> keeps cells that match every part. Of several patterns one must match.
/// </summary>
public sealed class CellFilter
{
    private static readonly string[] s_keys = ["model", "variant", "backend", "workload"];

    private readonly List<(string? Key, string Pattern)[]> _patterns = [];

    /// <summary>Reads patterns.</summary>
    /// <param name="patterns">Patterns; none = every cell.</param>
    /// <exception cref="RequestException">A part names something a cell doesn't have.</exception>
    public CellFilter(IEnumerable<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        foreach (string pattern in patterns)
            _patterns.Add([.. pattern.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Part)]);
    }

    /// <summary>Whether a cell is kept.</summary>
    /// <param name="cell">The cell.</param>
    public bool Keeps(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return _patterns.Count == 0 || _patterns.Any(p => p.All(part => Matches(cell, part.Key, part.Pattern)));
    }

    private static (string? Key, string Pattern) Part(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0) return (null, text);
        string key = text[..equals].Trim();
        return s_keys.Contains(key)
            ? (key, text[(equals + 1)..].Trim())
            : throw new RequestException($"--only {text}: cells have no '{key}'.",
                $"Use {string.Join(", ", s_keys)}, e.g. --only variant=Q4_*,workload=latency");
    }

    private static bool Matches(Cell cell, string? key, string pattern) => key switch
    {
        "model" => Like(pattern, cell.Model),
        "variant" => Like(pattern, cell.Variant.Id) || Like(pattern, cell.Variant.ShortName),
        "backend" => Like(pattern, cell.Backend.ToString()),
        "workload" => Like(pattern, cell.Workload),
        _ => s_keys.Any(k => Matches(cell, k, pattern)),
    };

    private static bool Like(string pattern, string text) => FileSystemName.MatchesSimpleExpression(pattern, text, ignoreCase: true);
}
