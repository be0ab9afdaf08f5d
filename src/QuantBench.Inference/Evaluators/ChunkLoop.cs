using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>Handles the logits of one scored position.</summary>
/// <param name="worker">Number of the scoring thread.</param>
/// <param name="scored">Number of the scored position (<see cref="ChunkPlan"/>); each is handled once.</param>
/// <param name="logits">[vocabulary].</param>
/// <param name="target">Token that really follows.</param>
internal delegate void ScorePosition(int worker, int scored, ReadOnlySpan<float> logits, int target);

/// <summary>
/// Feeds a text's chunks to a session as llama-perplexity does: every chunk from an empty cache, as many side by side as fit a batch, or
/// one in several appends when it is longer than a batch. Only the logits that are scored are asked for.
/// </summary>
internal sealed class ChunkLoop
{
    private readonly ChunkPlan _plan;
    private readonly IInferenceSession _session;
    private readonly RowWorkers _workers;
    private readonly ScorePosition _score;
    private readonly TokenBatch _batch = new();
    private readonly List<int> _scoredOfRow = [];

    /// <summary>Makes a loop.</summary>
    /// <param name="plan">Which chunks.</param>
    /// <param name="session">Session of the plan's sizes.</param>
    /// <param name="workers">Scoring threads.</param>
    /// <param name="score">What to do with each scored position.</param>
    public ChunkLoop(ChunkPlan plan, IInferenceSession session, RowWorkers workers, ScorePosition score) =>
        (_plan, _session, _workers, _score) = (plan, session, workers, score);

    /// <summary>Session sizes that a plan needs.</summary>
    public static SessionOptions Options(ChunkPlan plan, SessionOptions common) => common with
    {
        ContextLength = plan.ContextLength,
        Sequences = plan.Sequences,
        CallerComputesBetweenAppends = true,
        BatchTokens = (int)Math.Min(plan.BatchTokens, (long)plan.Sequences * plan.ContextLength),
    };

    /// <summary>Most logits rows of one append.</summary>
    public static int MostRows(ChunkPlan plan) => plan.BatchTokens >= plan.ContextLength
        ? Math.Min(plan.Sequences, plan.Chunks) * plan.ScoredPerChunk : Math.Min(plan.BatchTokens, plan.ScoredPerChunk);

    /// <summary>Runs one token, so that the first chunk doesn't pay for reading the weights from their file, as llama-perplexity does
    /// before it starts.</summary>
    /// <param name="cancellationToken">Stops it.</param>
    public void WarmUp(CancellationToken cancellationToken)
    {
        _batch.Clear();
        _batch.Add(_plan.Tokens.Span[0], 0, logitsWanted: true);
        _session.Append(_batch, cancellationToken);
        _session.Reset();
    }

    /// <summary>Runs all chunks.</summary>
    /// <param name="chunksDone">Called after each group of chunks with the number finished.</param>
    /// <param name="cancellationToken">Stops before the next append, or within it if the engine can.</param>
    public void Run(Action<int> chunksDone, CancellationToken cancellationToken)
    {
        for (int chunk = 0; chunk < _plan.Chunks; chunk += _plan.Sequences)
        {
            int together = Math.Min(_plan.Sequences, _plan.Chunks - chunk);
            _session.Reset();
            for (int from = 0; from < _plan.ContextLength; from += _plan.BatchTokens)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Fill(chunk, together, from, Math.Min(_plan.ContextLength, from + _plan.BatchTokens));
                _session.Append(_batch, cancellationToken);
                if (_batch.LogitRows > 0) _workers.Run(_session, _batch.LogitRows, ScoreRow);
            }

            chunksDone(chunk + together);
        }
    }

    /// <summary>The error for logits that can't be scored.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="scored">Number of the scored position.</param>
    public static EngineException NotFinite(ChunkPlan plan, int scored) => new(
        $"The engine returned logits that aren't finite at every position from {plan.PlaceOf(scored)} to the end of the chunk.",
        "The artifact is broken, or its activations overflow this engine's or KV cache's number format.");

    private void Fill(int chunk, int together, int from, int to)
    {
        _batch.Clear();
        _scoredOfRow.Clear();
        ReadOnlySpan<int> tokens = _plan.Tokens.Span;
        for (int sequence = 0; sequence < together; sequence++)
        {
            int start = (chunk + sequence) * _plan.ContextLength;
            for (int position = from; position < to; position++)
            {
                int token = position == 0 && _plan.Text.BosToken is { } bos ? bos : tokens[start + position];
                bool wanted = position >= _plan.First && position <= _plan.ContextLength - 2;
                _batch.Add(token, sequence, wanted);
                if (wanted) _scoredOfRow.Add((chunk + sequence) * _plan.ScoredPerChunk + position - _plan.First);
            }
        }
    }

    private void ScoreRow(int worker, int row, ReadOnlySpan<float> logits)
    {
        int scored = _scoredOfRow[row];
        _score(worker, scored, logits, _plan.Target(scored));
    }
}
