namespace QuantBench.Parity;

/// <summary>Log-probabilities of the scored positions of some chunks, and how they differ from another run's.</summary>
internal sealed class Scores
{
    private readonly Scores? _reference;
    private readonly List<float[]> _rows = [];
    private double _nll;
    private double _difference;
    private double _divergence;

    /// <param name="chunks">Chunks to come.</param>
    /// <param name="chunkLength">Their length in tokens.</param>
    /// <param name="vocabularySize">Tokens of the vocabulary.</param>
    /// <param name="reference">What is compared with, over the same tokens and at least as many chunks; null = nothing.</param>
    public Scores(int chunks, int chunkLength, int vocabularySize, Scores? reference)
    {
        _reference = reference;
        _rows.Capacity = chunks * ((chunkLength / 2) - 1);
        VocabularySize = vocabularySize;
    }

    /// <summary>Tokens of the vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>exp of the mean negative log-likelihood of the scored tokens.</summary>
    public double Perplexity => Math.Exp(_nll / _rows.Count);

    /// <summary>Mean absolute difference of the true tokens' log-probabilities, in nats.</summary>
    public double MeanDifference => _difference / _rows.Count;

    /// <summary>Mean KL divergence from the reference, in nats.</summary>
    public double MeanDivergence => _divergence / _rows.Count;

    /// <summary>Whether this run's products rounded their inputs: if they didn't, its first rows are those of the run that surely
    /// doesn't.</summary>
    public bool RoundsInputs(Scores exact)
    {
        double difference = 0;
        for (int row = 0; row < exact._rows.Count; row++)
        {
            for (int i = 0; i < VocabularySize; i++) difference += Math.Abs(_rows[row][i] - exact._rows[row][i]);
        }

        return difference / exact._rows.Count / VocabularySize > 1e-3;
    }

    /// <summary>Adds a position.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="target">The true next token.</param>
    public void Add(ReadOnlySpan<float> logits, int target)
    {
        double most = double.NegativeInfinity;
        foreach (float logit in logits) most = Math.Max(most, logit);
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - most);
        double shift = most + Math.Log(sum);
        float[] row = new float[logits.Length];
        for (int i = 0; i < row.Length; i++) row[i] = (float)(logits[i] - shift);
        _nll -= logits[target] - shift;
        if (_reference is { } reference)
        {
            float[] other = reference._rows[_rows.Count];
            _difference += Math.Abs(row[target] - other[target]);
            for (int i = 0; i < row.Length; i++) _divergence += Math.Exp(other[i]) * (other[i] - row[i]);
        }

        _rows.Add(row);
    }
}
