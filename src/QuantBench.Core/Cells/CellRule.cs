using QuantBench.Core.Variants;

namespace QuantBench.Core.Cells;

/// <summary>A pattern over cells; a null member matches anything; <c>*</c> and <c>?</c> are wildcards.</summary>
/// <param name="Model">Pattern for the model id.</param>
/// <param name="Variant">Pattern for the variant id.</param>
/// <param name="Backend">Pattern for the backend id.</param>
/// <param name="Workload">Pattern for the workload name.</param>
public sealed record CellRule(string? Model, string? Variant, string? Backend, string? Workload)
{
    /// <summary>Whether every pattern of the rule matches. Case doesn't count; a variant pattern without a colon is held against the scheme
    /// alone.</summary>
    /// <param name="model">Model id.</param>
    /// <param name="variant">Variant.</param>
    /// <param name="backend">Backend.</param>
    /// <param name="workload">Workload name.</param>
    public bool Matches(string model, Variant variant, BackendId backend, string workload)
    {
        ArgumentNullException.ThrowIfNull(variant);
        return MatchesText(Model, model) && MatchesVariant(Variant, variant.Id) && MatchesText(Backend, backend.ToString())
            && MatchesText(Workload, workload);
    }

    /// <summary>Whether a variant id fits a pattern; a pattern without a colon is held against the scheme alone.</summary>
    public static bool MatchesVariant(string? pattern, string id) =>
        MatchesText(pattern,
            pattern is not null && !pattern.Contains(':', StringComparison.Ordinal) ? id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..]
                : id);

    // Greedy with one point to return to: linear in practice, at worst the product of the lengths.
    /// <summary>Whether a text fits a pattern with <c>*</c> and <c>?</c>; case does not count, and null fits anything.</summary>
    public static bool MatchesText(string? pattern, string text)
    {
        if (pattern is null) return true;
        int p = 0;
        int t = 0;
        int star = -1;
        int resume = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, resume) = (p++, t);
            }
            else if (p < pattern.Length && (pattern[p] == '?' || char.ToLowerInvariant(pattern[p]) == char.ToLowerInvariant(text[t])))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }
}
