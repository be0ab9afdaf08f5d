namespace QuantBench.Inference.Evaluators;

/// <summary>How a variant did at one position.</summary>
/// <param name="Nll">Negative log-likelihood of the token that follows, nats.</param>
/// <param name="ReferenceNll">The reference's.</param>
/// <param name="Kl">KL(reference ‖ variant), nats.</param>
/// <param name="KlError">Standard error of <paramref name="Kl"/> by what is known of the reference's tail from a sample; 0 when all
/// is.</param>
/// <param name="Confidence">Probability of the reference's most likely token.</param>
/// <param name="SameTop">Whether the most likely token is the reference's.</param>
/// <param name="SameTopFive">Share of the reference's five most likely tokens that are among the variant's five.</param>
internal readonly record struct RowScore(
    double Nll, double ReferenceNll, double Kl, double KlError, double Confidence, bool SameTop, double SameTopFive);

/// <summary>The divergences that aren't asked for by themselves.</summary>
/// <param name="Reverse">KL(variant ‖ reference), nats.</param>
/// <param name="JensenShannon">Jensen–Shannon divergence, nats.</param>
internal readonly record struct OtherDivergences(double Reverse, double JensenShannon);

/// <summary>
/// Compares a variant's logits with a row of the reference; one per thread. KL is the head's exact part, what the tails' sums differ by,
/// and the tail's inner divergence times its probability. The last is estimated from the row's sample, without bias: the mean of
/// δ = ln p/q within the tail, or, where the rest says that both are near, of δ + e^−δ − 1, which has the same mean (the q sum to 1) and
/// hardly varies.
/// </summary>
/// <param name="vocabulary">Size of the vocabulary.</param>
internal sealed class RowComparer(int vocabulary)
{
    private const double Near = 0.1; // nats

    private readonly float[] _variant = new float[ReferenceRow.HeadLimit(vocabulary)];
    private readonly int[] _top = new int[ReferenceRow.TopCount];

    /// <summary>Compares.</summary>
    /// <param name="reference">A row whose logits are finite.</param>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="target">Token that really follows.</param>
    /// <param name="score">The scores.</param>
    /// <returns>False when a logit isn't finite.</returns>
    public bool TryCompare(ReferenceRow reference, ReadOnlySpan<float> logits, int target, out RowScore score)
    {
        score = default;
        LogPartition variant;
        double kl, error = 0;
        if (reference.IsWhole)
        {
            RowDivergence row = LogitMath.Diverge(reference.Values, logits);
            (variant, kl) = (row.Variant, row.Kl);
            if (!variant.IsFinite) return false;
        }
        else
        {
            variant = LogitMath.Partition(logits);
            if (!variant.IsFinite) return false;
            (kl, error) = Kl(reference, logits, variant);
        }

        LogitMath.TopOf(logits, _top);
        ReadOnlySpan<int> top = reference.Top;
        int same = 0;
        foreach (int token in top) same += _top.AsSpan(0, top.Length).Contains(token) ? 1 : 0;
        score = new RowScore(variant.Value - logits[target], reference.LogSum - reference.Target, kl, error, 1 / reference.SumExp,
            top[0] == _top[0], (double)same / top.Length);
        return true;
    }

    /// <summary>The other divergences.</summary>
    /// <param name="reference">A row whose logits are finite.</param>
    /// <param name="logits">[vocabulary], finite.</param>
    public static OtherDivergences Others(ReferenceRow reference, ReadOnlySpan<float> logits)
    {
        double lnZ = reference.LogSum, lnY = LogitMath.Partition(logits).Value, reverse = 0, js = 0;
        double mass = 0, variantMass = 0;
        ReadOnlySpan<int> ids = reference.Ids;
        for (int i = 0; i < reference.Values.Length; i++)
        {
            double lnP = reference.Values[i] - lnZ, lnQ = logits[reference.IsWhole ? i : ids[i]] - lnY;
            (double p, double q) = (Math.Exp(lnP), Math.Exp(lnQ));
            mass += p;
            variantMass += q;
            reverse += q * (lnQ - lnP);
            js += Js(p, q);
        }

        double tail = reference.TailSum / reference.SumExp, variantTail = Math.Max(1 - variantMass, 1e-16);
        if (tail <= 0) return new OtherDivergences(reverse, js);
        double sumReverse = 0, sumJs = 0;
        for (int s = 0; s < reference.SampleIds.Length; s++)
        {
            double ratio = Math.Exp(logits[reference.SampleIds[s]] - lnY - (reference.SampleValues[s] - lnZ)); // q/p
            double inner = ratio * tail / variantTail;
            sumReverse += inner * Math.Log(inner) - inner + 1;
            sumJs += Js(1, ratio);
        }

        int n = Math.Max(1, reference.SampleIds.Length);
        return new OtherDivergences(
            reverse + variantTail * (Math.Log(variantTail / tail) + sumReverse / n), js + tail * sumJs / n);

        static double Js(double p, double q) =>
            0.5 * ((p > 0 ? p * Math.Log(2 * p / (p + q)) : 0) + (q > 0 ? q * Math.Log(2 * q / (p + q)) : 0));
    }

    private (double Kl, double Error) Kl(ReferenceRow reference, ReadOnlySpan<float> logits, LogPartition variant)
    {
        ReadOnlySpan<int> ids = reference.Ids;
        Span<float> head = _variant.AsSpan(0, ids.Length);
        for (int i = 0; i < ids.Length; i++) head[i] = logits[ids[i]];
        RowSums sums = LogitMath.Sums(reference.Values, head, reference.Max, variant.Max);
        double shift = reference.LogSum - variant.Value;
        double kl = (sums.Product - sums.Reference * shift) / reference.SumExp;
        double tail = reference.TailSum / reference.SumExp;
        if (tail <= 0) return (kl, 0);

        // A difference of sums of one order, in double: what it lacks is far below the tail, unless there is next to none.
        double variantTail = Math.Max(variant.SumExp - sums.Variant, variant.SumExp * 1e-16) / variant.SumExp;
        double between = Math.Log(tail) - Math.Log(variantTail);
        kl += tail * between;
        bool near = kl < Near;
        double sum = 0, squares = 0;
        for (int s = 0; s < reference.SampleIds.Length; s++)
        {
            double delta = (double)reference.SampleValues[s] - logits[reference.SampleIds[s]] - shift - between;
            double term = near ? delta + Math.Exp(-delta) - 1 : delta;
            sum += term;
            squares += term * term;
        }

        int n = reference.SampleIds.Length;
        if (n == 0) return (kl, 0);
        double mean = sum / n;
        double variance = n < 2 ? 0 : Math.Max(0, (squares - sum * mean) / (n - 1));
        return (kl + tail * mean, tail * Math.Sqrt(variance / n));
    }
}
