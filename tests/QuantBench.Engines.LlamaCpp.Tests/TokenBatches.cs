using QuantBench.Inference.Engines;

namespace QuantBench.Engines.LlamaCpp.Tests;

internal static class TokenBatches
{
    /// <summary>Tokens of one sequence, all with logits.</summary>
    public static TokenBatch Of(ReadOnlySpan<int> tokens, int sequence = 0)
    {
        var batch = new TokenBatch();
        foreach (int token in tokens) batch.Add(token, sequence, logitsWanted: true);
        return batch;
    }

    public static float[][] Rows(this IInferenceSession session, TokenBatch batch)
    {
        session.Append(batch, CancellationToken.None);
        return [.. Enumerable.Range(0, batch.LogitRows).Select(i => session.Logits(i).ToArray())];
    }

    public static double LargestDifference(float[][] a, float[][] b)
    {
        Assert.Equal(a.Length, b.Length);
        double largest = 0;
        for (int r = 0; r < a.Length; r++)
        {
            Assert.Equal(a[r].Length, b[r].Length);
            for (int i = 0; i < a[r].Length; i++) largest = Math.Max(largest, Math.Abs(a[r][i] - b[r][i]));
        }

        return largest;
    }

    /// <summary>−ln of the softmax at the target.</summary>
    public static double Nll(ReadOnlySpan<float> logits, int target)
    {
        float max = float.NegativeInfinity;
        foreach (float x in logits) max = Math.Max(max, x);
        double sum = 0;
        foreach (float x in logits) sum += Math.Exp(x - max);
        return Math.Log(sum) - (logits[target] - max);
    }
}
