using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>Takes the log-probabilities of a scored position.</summary>
/// <param name="scored">Number of the position (<see cref="ChunkPlan"/>).</param>
/// <param name="next">Log-probability of the token that really follows, in nats.</param>
/// <param name="lane">Which of the server's places it comes from; no two calls of one lane overlap.</param>
/// <param name="row">[vocabulary]; empty when only <paramref name="next"/> is wanted.</param>
internal delegate void ScoreServed(int scored, double next, int lane, ReadOnlySpan<float> row);

/// <summary>The chunks of a text, scored by a server: the same chunks and positions as <see cref="ChunkLoop"/>'s.</summary>
internal sealed class ServedText : IDisposable
{
    private const string VocabularyFact = "vocabulary";

    private readonly EvaluationContext _context;
    private readonly ChunkPlan _plan;
    private readonly IServerClient _client;
    private readonly IPromptScorer _scorer;
    private readonly ServerIdentity _identity;
    private readonly bool _rows;
    private readonly ImmutableSortedDictionary<string, double> _before;

    private ServedText(EvaluationContext context, ChunkPlan plan, IServerClient client, IPromptScorer scorer, ServerIdentity identity,
        bool rows)
    {
        (_context, _plan, _client, _scorer, _identity, _rows) = (context, plan, client, scorer, identity, rows);
        _before = context.Machine.Conditions();
        Lanes = Math.Min(scorer.Lanes(identity), plan.Chunks);
    }

    /// <summary>Chunks that are scored at once.</summary>
    public int Lanes { get; }

    /// <summary>Tokens in the server's vocabulary; null when it doesn't say.</summary>
    public int? VocabularySize =>
        int.TryParse(_identity.Facts.GetValueOrDefault(VocabularyFact), CultureInfo.InvariantCulture, out int size) ? size : null;

    /// <summary>What a cell says of calls that were tried again before it was measured.</summary>
    public static IEnumerable<string> Retries(IServerClient client) => client.Retried.Select(r => $"set-up, tried again: {r}");

    /// <summary>Whether the cell's server can be spoken to; null when the engine has no servers.</summary>
    public static Support? CanRun(EvaluationContext context) =>
        context.Engine is IServerEngine engine ? engine.CanReach(context.Cell.Backend.Device) : null;

    /// <summary>Connects to the cell's server and checks what it runs.</summary>
    /// <param name="context">The cell.</param>
    /// <param name="plan">Its chunks.</param>
    /// <param name="rows">Whether whole rows are wanted.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="UnsupportedException">The server gives no log-probabilities of a text.</exception>
    /// <exception cref="QuantBenchException">It isn't there, or runs something else.</exception>
    public static ServedText Open(EvaluationContext context, ChunkPlan plan, bool rows, CancellationToken cancellationToken)
    {
        context.Progress.Report(new EvaluationProgress("connect", 0, 0, ""));
        var engine = (IServerEngine)context.Engine;
        IServerClient client = engine.Connect(context.ServerDevice ?? context.Cell.Backend.Device, new ServerOptions());
        try
        {
            string? wanted = context.Cell.Variant.IsServed ? context.Cell.Variant.Scheme.Name : null;
            ServerIdentity identity = ServerTask.Await(client.InspectAsync(wanted, cancellationToken), cancellationToken);
            if (!context.Cell.Variant.IsServed) identity.CheckRuns(context.Artifact);
            if (client is not IPromptScorer scorer)
            {
                throw new UnsupportedException(null,
                    $"{identity.Server}: its protocol tells no log-probabilities of a text, which {context.Cell.Workload} needs");
            }

            scorer.CanScore(identity, rows).OrThrow();
            var served = new ServedText(context, plan, client, scorer, identity, rows);
            if (served.VocabularySize is { } size) plan.CheckVocabulary(size);
            if (identity.ContextLength < plan.ContextLength)
            {
                throw new RequestException($"The cell needs a context of {plan.ContextLength} tokens, but the server's is "
                    + $"{identity.ContextLength}.", "Use a smaller n_ctx, or start the server with more.");
            }

            return served;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Scores every position.</summary>
    /// <param name="nll">[scored] that <paramref name="score"/> fills; for the figure so far.</param>
    /// <param name="score">Takes each.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>Seconds.</returns>
    public double Run(double[] nll, ScoreServed score, CancellationToken cancellationToken)
    {
        long start = _context.Clock.GetTimestamp();
        int next = -1;
        int done = 0;
        double sum = 0;
        Lock gate = new();
        _context.Progress.Report(new EvaluationProgress("chunks", 0, _plan.Chunks, ""));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ServerTask.Await(Task.WhenAll(Enumerable.Range(0, Lanes).Select(LaneAsync)), cancellationToken);
        return _context.Clock.GetElapsedTime(start).TotalSeconds;

        async Task LaneAsync(int lane)
        {
            try
            {
                for (int chunk; (chunk = Interlocked.Increment(ref next)) < _plan.Chunks;)
                {
                    int first = chunk * _plan.ScoredPerChunk;
                    await _scorer.ScoreAsync(new PromptToScore(_identity, lane, TokensOf(chunk), _plan.First, _rows),
                        (position, log, row) => score(first + position - _plan.First, log, lane, row), stop.Token);
                    lock (gate)
                    {
                        for (int i = first; i < first + _plan.ScoredPerChunk; i++) sum += nll[i];
                        double perplexity = Math.Exp(sum / ++done / _plan.ScoredPerChunk);
                        _context.Progress.Report(new EvaluationProgress("chunks", done, _plan.Chunks, $"PPL {perplexity:0.0000}"));
                    }
                }
            }
            catch
            {
                await stop.CancelAsync(); // one that fails ends the others
                throw;
            }
        }
    }

    /// <summary>Finishes a result.</summary>
    /// <param name="metrics">The measurements.</param>
    /// <param name="notes">Marks of the workload.</param>
    /// <param name="provenance">Facts of the workload.</param>
    public EvaluationResult Result(ImmutableArray<Measurement>.Builder metrics, ImmutableArray<string> notes,
        (string Key, string Value)[] provenance)
    {
        if (!_context.Cell.Variant.IsServed)
        {
            metrics.Add(Measurement.Of("artifact_size", _context.Artifact.Bytes));
            if (_context.Artifact.ParameterCount > 0) metrics.Add(Measurement.Of("bits_per_weight", _context.Artifact.BitsPerWeight));
        }

        EvaluationResult result = LoadedCell.Result(_context, 1, _context.Cell.Backend.Device, _before, metrics.ToImmutable(),
            [.. Retries(_client), .. notes],
            [.. provenance, .. _identity.ToFacts(), ("client_build", _context.Engine.Build), ("engine_build", _identity.Server)]);
        // The server's own, which it doesn't tell.
        return result with { Provenance = result.Provenance.Remove("threads_used") };
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private int[] TokensOf(int chunk)
    {
        int[] tokens = _plan.Tokens.Slice(chunk * _plan.ContextLength, _plan.ContextLength).ToArray();
        if (_plan.Text.BosToken is { } bos) tokens[0] = bos;
        return tokens;
    }
}
