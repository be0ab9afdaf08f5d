using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Claims;

/// <summary>Judged claims in words.</summary>
public static class ClaimText
{
    /// <summary>The verdict as every page prints it.</summary>
    public static string Word(ClaimVerdict verdict) => verdict switch
    {
        ClaimVerdict.Holds => "holds",
        ClaimVerdict.Fails => "fails",
        _ => "can't tell",
    };

    /// <summary>The three counts.</summary>
    public static string Lead(ImmutableArray<ClaimFinding> findings)
    {
        int Count(ClaimVerdict verdict) => findings.Count(f => f.Verdict == verdict);
        int claims = findings.Select(f => f.Claim.Id).Distinct().Count();
        return $"{Format.Count(claims)} claims in {Format.Count(findings.Length)} judgements (one per base, model and backend): "
            + $"{Format.Count(Count(ClaimVerdict.Holds))} hold, {Format.Count(Count(ClaimVerdict.Fails))} fail, "
            + $"{Format.Count(Count(ClaimVerdict.CantTell))} can't be told from this run"
            + (findings.Count(f => f.Backend.Length == 0) is > 0 and var absent
                ? $", {Format.Count(absent)} of them since it has nothing that they are about." : ".");
    }

    /// <summary>A Markdown table: one line per judgement, its figures in one cell.</summary>
    public static string Markdown(ImmutableArray<ClaimFinding> findings)
    {
        bool models = Several(f => f.Model);
        bool backends = Several(f => f.Backend);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{E(Lead(findings))}\n\n| Claim | {(models ? "Model | " : "")}{(backends ? "Backend | " : "")}Base | Verdict | Figures (95 %) "
                + $"against what is claimed |\n| --- | {(models ? "--- | " : "")}{(backends ? "--- | " : "")}--- | --- | --- |\n");
        foreach (ClaimFinding f in findings)
        {
            string evidence = f.Reason.Length > 0 ? f.Reason
                : string.Join("; ",
                    f.Evidence.GroupBy(e => (e.Figure, e.Claimed, e.Verdict))
                        .Select(g => Sentence(g.First() with { Variant = string.Join(", ", g.Select(e => e.Variant)) })));
            text.Append(CultureInfo.InvariantCulture,
                $"| {E(f.Claim.Text)} | "
                    + $"{(models ? Named(f.Model) + " | " : "")}{(backends ? Named(f.Backend) + " | " : "")}{Named(f.Base?.Id ?? "")} | "
                    + $"{Word(f.Verdict)} | {E(evidence)} |\n");
        }

        return text.ToString();

        bool Several(Func<ClaimFinding, string> what) => findings.Select(what).Where(t => t.Length > 0).Distinct().Skip(1).Any();
        static string E(string value) => MarkdownText.Escape(value);
        static string Named(string value) => value.Length > 0 ? E(value) : Format.Missing;
    }

    /// <summary>One figure against what is claimed of it, with the variant's precision class.</summary>
    public static string Sentence(ClaimEvidence evidence)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        string precision = evidence.Class is { } known ? $" ({Format.Class(known)})" : "";
        return $"{evidence.Variant}{precision}: {evidence.Figure} [claimed: {evidence.Claimed}; {Word(evidence.Verdict)}]";
    }
}
