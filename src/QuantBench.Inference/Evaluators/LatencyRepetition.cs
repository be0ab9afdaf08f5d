using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>Runs single prompts and generations; nothing is allocated between the first and last timestamp of one.</summary>
internal sealed class LatencyRepetition
{
    private readonly TimeProvider _clock;
    private readonly IInferenceSession _session;
    private readonly Random _random;
    private readonly int _vocabulary;
    private readonly int _prompt;
    private readonly int _generate;
    private readonly int _depth;
    private readonly int _parallel;
    private readonly int _batchTokens;
    private readonly TokenBatch[] _pieces;
    private readonly TokenBatch _single = new();
    private readonly double[] _tokenMs;

    public LatencyRepetition(EvaluationContext context, IInferenceSession session, int vocabulary, int prompt, int generate, int depth,
        int parallel)
    {
        (_clock, _session, _vocabulary, _prompt, _generate, _depth) = (context.Clock, session, vocabulary, prompt, generate, depth);
        _parallel = parallel;
        long seed = context.Cell.Settings.Int("seed");
        _random = new Random((int)(seed ^ (seed >> 32)));
        _batchTokens = checked((int)context.Cell.Settings.Int("n_batch"));
        _tokenMs = new double[generate];
        _pieces = [.. Enumerable.Range(0, (prompt * parallel + _batchTokens - 1) / _batchTokens).Select(_ => new TokenBatch())];
    }

    /// <summary>Time of the last prompt until its logits could be read.</summary>
    public double PromptMs { get; private set; }

    /// <summary>Time of the last prompt until its most likely next token was known; of several at once the last one's.</summary>
    public double TtftMs { get; private set; }

    /// <summary>Time of the last generation.</summary>
    public double GenerateMs { get; private set; }

    /// <summary>Token found last; kept so that finding it can't be left out.</summary>
    public int LastToken { get; private set; }

    /// <summary>Fills the cache to the depth; once, every repetition cuts back to it.</summary>
    public void Prefill(CancellationToken cancellationToken)
    {
        _session.Reset();
        for (int done = 0; done < _depth * _parallel; done += _batchTokens)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Fill(_single, done, Math.Min(_batchTokens, _depth * _parallel - done), _depth);
            _session.Append(_single, cancellationToken);
        }
    }

    /// <summary>Milliseconds of each token of the last generation; overwritten by the next one.</summary>
    public ReadOnlySpan<double> TokenMs => _tokenMs;

    /// <summary>Runs one prompt.</summary>
    public void RunPrompt(CancellationToken cancellationToken)
    {
        BackToDepth();
        for (int i = 0; i < _pieces.Length; i++)
        {
            int done = i * _batchTokens;
            Fill(_pieces[i], done, Math.Min(_batchTokens, _prompt * _parallel - done), _prompt);
        }

        long start = _clock.GetTimestamp();
        foreach (TokenBatch piece in _pieces) _session.Append(piece, cancellationToken);
        long computed = _clock.GetTimestamp();
        for (int row = 0; row < _pieces[^1].LogitRows; row++) LastToken = MostLikely(_session.Logits(row));
        long read = _clock.GetTimestamp();
        PromptMs = _clock.GetElapsedTime(start, computed).TotalMilliseconds;
        TtftMs = _clock.GetElapsedTime(start, read).TotalMilliseconds;
    }

    /// <summary>Runs one generation.</summary>
    public void RunGeneration(CancellationToken cancellationToken)
    {
        BackToDepth();
        long start = _clock.GetTimestamp();
        long before = start;
        for (int i = 0; i < _generate; i++)
        {
            Fill(_single, 0, _parallel, 1);
            _session.Append(_single, cancellationToken);
            long after = _clock.GetTimestamp();
            _tokenMs[i] = _clock.GetElapsedTime(before, after).TotalMilliseconds;
            before = after;
        }

        GenerateMs = _clock.GetElapsedTime(start, before).TotalMilliseconds;
    }

    private void BackToDepth()
    {
        if (_depth == 0)
        {
            _session.Reset();
            return;
        }

        for (int sequence = 0; sequence < _parallel; sequence++) _session.Truncate(sequence, _depth);
    }

    /// <summary>Fills a batch with tokens of the sequences, one sequence after the other; the last token of each wants logits.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="done">Tokens that went before, of all sequences.</param>
    /// <param name="count">Tokens of the batch.</param>
    /// <param name="each">Tokens of each sequence.</param>
    private void Fill(TokenBatch batch, int done, int count, int each)
    {
        batch.Clear();
        for (int i = done; i < done + count; i++) batch.Add(_random.Next(_vocabulary), i / each, i % each == each - 1);
    }

    private static int MostLikely(ReadOnlySpan<float> logits)
    {
        float max = LogitMath.FiniteMax(logits);
        if (float.IsNaN(max))
            throw new EngineException("The engine returned logits that aren't finite.",
                "The artifact is broken, or its activations overflow.");
        return LogitMath.ArgMax(logits, max);
    }
}
