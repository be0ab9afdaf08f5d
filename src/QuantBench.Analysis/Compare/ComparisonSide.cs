using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Results.Folders;

namespace QuantBench.Analysis.Compare;

/// <summary>One side of a comparison: a run, or one variant of it, or one variant on one backend.</summary>
/// <param name="Run">The run.</param>
/// <param name="Variant">Only this variant's cells; null for all.</param>
/// <param name="Backend">Only this backend's cells; null for all.</param>
public sealed record ComparisonSide(RunRecord Run, Variant? Variant = null, BackendId? Backend = null)
{
    /// <summary>The side as a person writes it: <c>run[:variant[@backend]]</c>.</summary>
    public string Name =>
        Run.Info.Id + (Variant is null && Backend is null ? "" : $":{Variant?.Id ?? "*"}") + (Backend is { } backend ? $"@{backend}" : "");

    /// <summary>Its cells.</summary>
    public IEnumerable<CellResult> Cells =>
        Run.Cells.Where(c => (Variant is null || c.Cell.Variant == Variant) && (Backend is null || c.Cell.Backend == Backend));

    /// <summary>Reads <c>run[:variant[@backend]]</c>, e.g. <c>latest</c>, <c>latest:Q4_K_M</c>, <c>2026:gguf:Q4_0@llamacpp/cpu</c>;
    /// <c>*</c> stands for every variant.</summary>
    /// <param name="text">The selector.</param>
    /// <param name="load">Reads a run by its name.</param>
    /// <exception cref="RequestException">A part names nothing.</exception>
    public static ComparisonSide Parse(string text, Func<string, RunRecord> load)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(load);
        const string form = "Write run[:variant[@backend]], e.g. latest:gguf:Q4_K_M.";
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string run = colon < 0 ? text : text[..colon];
        if (run.Trim().Length == 0) throw new RequestException($"'{text}' names no run.", form);
        string rest = colon < 0 ? "" : text[(colon + 1)..];
        int at = rest.IndexOf('@', StringComparison.Ordinal); // a server's address has another one
        string variantText = at < 0 ? rest : rest[..at];
        Variant? variant = null;
        if (variantText is not ("" or "*") && !Variant.TryParse(variantText, out variant))
            throw new RequestException($"'{variantText}' is not a known variant.", form);
        BackendId? backend = null;
        if (at >= 0)
        {
            if (!BackendId.TryParse(rest[(at + 1)..], out BackendId id))
                throw new RequestException($"'{rest[(at + 1)..]}' is not engine/device.", form);
            backend = id;
        }

        var side = new ComparisonSide(load(run), variant, backend);
        if (!side.Cells.Any())
        {
            string here = string.Join(", ", side.Run.Cells.Select(c => $"{c.Cell.Variant.Id}@{c.Cell.Backend}").Distinct().Take(8));
            throw new RequestException($"run {side.Run.Info.Id} has no cell of '{rest}'.",
                here.Length > 0 ? $"It has {here}." : "It has no cells yet.");
        }

        return side;
    }
}
