using System.Text.Json;
using System.Text.Json.Nodes;
using QuantBench.Core.Cells;

namespace QuantBench.Parity;

/// <summary>One figure of ours beside llama.cpp's, with the tolerance it must keep.</summary>
/// <param name="Variant">Scheme name.</param>
/// <param name="Figure">What is compared.</param>
/// <param name="Ours">Our figure.</param>
/// <param name="Theirs">llama.cpp's figure.</param>
/// <param name="Deviation">Relative deviation, or absolute where <paramref name="Figure"/> says so.</param>
/// <param name="Tolerance">Largest allowed deviation.</param>
internal sealed record ExpectedRow(string Variant, string Figure, double Ours, double Theirs, double Deviation, double Tolerance)
{
    public bool Holds => Deviation <= Tolerance;
}

/// <summary>
/// The figures that llama-quantize and llama-perplexity gave for the reference model (<c>expected.json</c>; its <c>command</c> says how),
/// and how near ours must come.
/// </summary>
internal sealed class ExpectedFigures
{
    /// <summary>llama-perplexity prints its figures with so many decimals; below this a relative deviation says nothing.</summary>
    private const double PrintedKlStep = 1e-6;

    private readonly JsonObject _variants;

    private ExpectedFigures(JsonObject variants) => _variants = variants;

    public IEnumerable<string> Variants => _variants.Select(v => v.Key);

    public static ExpectedFigures Load(string path)
    {
        JsonNode root = JsonNode.Parse(File.ReadAllText(path)) ?? throw new JsonException($"{path} is empty");
        return new ExpectedFigures(root["variants"]!.AsObject()); // the file is ours and has it
    }

    /// <summary>Every figure of the results that the file has a counterpart for.</summary>
    public IEnumerable<ExpectedRow> Compare(IEnumerable<CellResult> results)
    {
        foreach (CellResult result in results)
        {
            if (result.Status != CellStatus.Ok || result.Cell.Variant.ImportanceMatrix) continue;
            string scheme = result.Cell.Variant.Scheme.Name;
            if (_variants[scheme] is not JsonObject expected) continue;

            if (Pair(result, "perplexity", expected, "perplexity") is var (ppl, pplExpected))
                yield return Relative(scheme, "perplexity", ppl, pplExpected, 0.0005);
            if (Pair(result, "artifact_size", expected, "size_bytes") is var (size, sizeExpected))
                yield return Relative(scheme, "artifact_size", size, sizeExpected, 0.005);
            if (result.Cell.Workload != "divergence") continue;

            // The base of llama-perplexity is stored in 16 bits, a step that alone makes a mean KL of some 1e-6.
            if (Pair(result, "kl_mean", expected, "kl_mean") is var (kl, klExpected))
            {
                double deviation = Math.Max(0, Math.Abs(kl - klExpected) - PrintedKlStep) / Math.Max(klExpected, 1e-4);
                yield return new ExpectedRow(scheme, "kl_mean", kl, klExpected, deviation, 0.05);
            }

            if (Pair(result, "same_top", expected, "same_top") is var (top, topExpected))
            {
                yield return new ExpectedRow(scheme, "same_top (absolute)", top, topExpected, Math.Abs(top - topExpected), 0.003);
            }

            double? error = result.Metric("ln_ppl_ratio")?.Error;
            if (error is { } ours && expected["ln_ppl_ratio_error"]?.GetValue<double>() is { } theirs and > 1e-5)
            {
                yield return Relative(scheme, "ln_ppl_ratio error", ours, theirs, 0.10);
            }
        }
    }

    private static ExpectedRow Relative(string scheme, string figure, double ours, double theirs, double tolerance) =>
        new(scheme, figure, ours, theirs, Math.Abs(ours - theirs) / Math.Abs(theirs), tolerance);

    private static (double Ours, double Theirs)? Pair(CellResult result, string metric, JsonObject expected, string key) =>
        result.Metric(metric)?.Value is { } ours && expected[key]?.GetValue<double>() is { } theirs ? (ours, theirs) : null;
}
