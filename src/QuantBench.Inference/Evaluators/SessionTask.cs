using System.Runtime.InteropServices;
using System.Text;
using QuantBench.Core.Errors;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// Answers the items of a task by a session's logits: the most likely token each time (the first of equals) until the answer ends, or the
/// log-probabilities of choices. What an item has in common with the one before isn't computed again.
/// </summary>
/// <param name="session">A session of one sequence.</param>
/// <param name="options">Its sizes.</param>
/// <param name="input">The items and their tokens.</param>
/// <param name="rule">How they are judged.</param>
internal sealed class SessionTask(IInferenceSession session, SessionOptions options, TaskInput input, TaskRule rule)
{
    private readonly TaskTokens _tokens = input.Tokens!; // CanRun has checked
    private readonly TokenBatch _batch = new();
    private readonly List<int> _held = [];
    private bool _cuts = true;

    /// <summary>Answers an item.</summary>
    /// <param name="item">Number of the item, from 0.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="EngineException">Logits aren't finite.</exception>
    public TaskAnswer Answer(int item, CancellationToken cancellationToken)
    {
        TaskItem asked = input.Set.Items[item];
        if (!asked.IsChoice) return rule.Judge(asked, Generate(item, cancellationToken));
        double[] logs = new double[asked.Choices.Length];
        int[] counts = new int[asked.Choices.Length];
        for (int choice = 0; choice < logs.Length; choice++)
        {
            TaskSequence sequence = _tokens.Of(item)[choice];
            counts[choice] = sequence.Tokens.Length - sequence.From;
            if (counts[choice] > 0) logs[choice] = Score(item, sequence, cancellationToken);
        }

        return rule.Judge(asked, logs, counts);
    }

    private string Generate(int item, CancellationToken cancellationToken)
    {
        ReadOnlySpan<int> prompt = _tokens.Of(item)[0].Tokens.AsSpan();
        int next = -1;
        Feed(prompt, prompt.Length - 1, (_, logits) => next = Top(item, logits), cancellationToken);
        var bytes = new List<byte>();
        string text = "";
        Span<int> one = stackalloc int[1];
        for (int made = 1; ; made++)
        {
            ReadOnlySpan<byte> piece = _tokens.Bytes(next);
            if (piece.IsEmpty) return text; // a special token: the end
            bytes.AddRange(piece);
            text = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
            if (made == rule.AnswerTokens || rule.HasEnded(text)) return text;
            one[0] = next;
            Append(one, 0, (_, logits) => next = Top(item, logits), cancellationToken);
        }
    }

    private double Score(int item, TaskSequence sequence, CancellationToken cancellationToken)
    {
        double sum = 0;
        // The last token predicts nothing that is asked for.
        int[] tokens = [.. sequence.Tokens.AsSpan()[..^1]];
        Feed(tokens, sequence.From - 1, (position, logits) =>
        {
            LogPartition partition = LogitMath.Partition(logits);
            if (!partition.IsFinite) throw NotFinite(item);
            sum += logits[sequence.Tokens[position + 1]] - partition.Value;
        }, cancellationToken);
        return sum;
    }

    private int Top(int item, ReadOnlySpan<float> logits)
    {
        LogPartition partition = LogitMath.Partition(logits);
        return partition.IsFinite ? LogitMath.ArgMax(logits, partition.Max) : throw NotFinite(item);
    }

    private EngineException NotFinite(int item) => new(
        $"The engine returned logits that aren't finite in item {item + 1} ({input.Set.Items[item].Id}).",
        "The artifact is broken, or its activations overflow this engine's or KV cache's number format.");

    /// <summary>Makes the sequence these tokens.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="wantedFrom">First token whose logits are wanted.</param>
    /// <param name="handle">Takes the logits of each, by its position.</param>
    /// <param name="cancellationToken">Stops.</param>
    private void Feed(ReadOnlySpan<int> tokens, int wantedFrom, HandleRow handle, CancellationToken cancellationToken)
    {
        int common = tokens.CommonPrefixLength(CollectionsMarshal.AsSpan(_held));
        Keep(Math.Min(common, wantedFrom));
        int held = _held.Count;
        Append(tokens[held..], wantedFrom - held, handle, cancellationToken);
    }

    private void Keep(int length)
    {
        if (length == _held.Count) return;
        if (length > 0 && _cuts)
        {
            try
            {
                session.Truncate(0, length);
                _held.RemoveRange(length, _held.Count - length);
                return;
            }
            catch (UnsupportedException)
            {
                _cuts = false; // a model with a running state: each item from the start
            }
        }

        session.Reset();
        _held.Clear();
    }

    private void Append(ReadOnlySpan<int> tokens, int wantedFrom, HandleRow handle, CancellationToken cancellationToken)
    {
        for (int at = 0; at < tokens.Length; at += options.BatchTokens)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int end = Math.Min(tokens.Length, at + options.BatchTokens);
            int first = Math.Max(at, wantedFrom);
            _batch.Clear();
            for (int i = at; i < end; i++) _batch.Add(tokens[i], 0, i >= wantedFrom);
            session.Append(_batch, cancellationToken);
            int before = _held.Count;
            _held.AddRange(tokens[at..end]);
            for (int row = 0; row < _batch.LogitRows; row++) handle(before + first - at + row, session.Logits(row));
        }
    }

    private delegate void HandleRow(int position, ReadOnlySpan<float> logits);
}
