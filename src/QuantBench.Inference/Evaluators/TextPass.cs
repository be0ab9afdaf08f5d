using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Engines;

namespace QuantBench.Inference.Evaluators;

/// <summary>One forward pass of a model over a text, scored for one cell or several. A cell whose scoring fails doesn't end the
/// others.</summary>
internal static class TextPass
{
    /// <summary>Runs the pass of one cell.</summary>
    /// <exception cref="QuantBenchException">It failed.</exception>
    public static EvaluationResult Run(EvaluationContext context, CancellationToken cancellationToken)
    {
        PassOutcome outcome = Run([context], cancellationToken)[0];
        return outcome.Result ?? throw outcome.Fault!;
    }

    /// <summary>Runs the pass.</summary>
    /// <param name="contexts">The cells; the first one's settings are the pass's.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="QuantBenchException">The pass failed.</exception>
    public static PassOutcome[] Run(IReadOnlyList<EvaluationContext> contexts, CancellationToken cancellationToken)
    {
        EvaluationContext context = contexts[0];
        ChunkPlan plan = ChunkPlan.Make(context.Text, context.Cell.Settings);
        Part[] parts = [.. contexts.Select(c => new Part(c))];
        try
        {
            // Before the model is loaded: a reference that isn't there costs no time.
            foreach (Part part in parts) part.Try(() => part.Open(plan));
            if (parts.All(p => p.Fault is not null)) return [.. parts.Select(p => new PassOutcome(null, p.Fault))];
            using LoadedCell loaded = LoadedCell.Open(context,
                ChunkLoop.Options(plan, LoadedCell.CommonOptions(context, plan.ContextLength)), ChunkLoop.MostRows(plan),
                cancellationToken);
            plan.CheckVocabulary(loaded.Model.VocabularySize);
            using var workers = new RowWorkers(loaded.Threads);
            foreach (Part part in parts) part.Try(() => part.Scorer?.Prepare(loaded.Model.VocabularySize, workers.Count));
            if (parts.All(p => p.Fault is not null)) return [.. parts.Select(p => new PassOutcome(null, p.Fault))];
            IInferenceSession session = loaded.CreateSession();
            var loop = new ChunkLoop(plan, session, workers, (worker, scored, logits, target) =>
            {
                foreach (Part part in parts) part.Score(worker, scored, logits, target);
                if (Array.TrueForAll(parts, p => p.Fault is not null)) throw parts[0].Fault!;
            });
            double[] shown = parts.First(p => p.Fault is null).Scorer!.Nll;
            double seconds = PerplexityEvaluator.RunTimed(context, plan, loop, shown, cancellationToken);
            return [.. parts.Select(p => p.Finish(loaded, plan, seconds))];
        }
        finally
        {
            foreach (Part part in parts) part.Scorer?.Dispose();
        }
    }

    private sealed class Part(EvaluationContext context)
    {
        private QuantBenchException? _fault; // the first one of several threads

        public ITextScorer? Scorer { get; private set; }

        public QuantBenchException? Fault => _fault;

        public void Open(ChunkPlan plan) => Scorer = EvaluatorTable.Find(context.Cell.Workload) is ITextWorkload workload
            ? workload.OpenScorer(context, plan)
            : throw new RequestException($"{context.Cell.Workload} is scored on no text.");

        public void Try(Action action)
        {
            if (_fault is not null) return;
            try
            {
                action();
            }
            catch (QuantBenchException e)
            {
                Interlocked.CompareExchange(ref _fault, e, null);
            }
        }

        public void Score(int worker, int scored, ReadOnlySpan<float> logits, int target)
        {
            if (_fault is not null) return;
            try
            {
                Scorer!.Score(worker, scored, logits, target);
            }
            catch (QuantBenchException e)
            {
                Interlocked.CompareExchange(ref _fault, e, null);
            }
        }

        public PassOutcome Finish(LoadedCell loaded, ChunkPlan plan, double seconds)
        {
            EvaluationResult? result = null;
            Try(() =>
            {
                var metrics = ImmutableArray.CreateBuilder<Measurement>();
                Scorer!.AddTo(metrics);
                PerplexityEvaluator.AddSpeed(metrics, plan, seconds);
                loaded.AddSizes(metrics);
                result = loaded.Result(metrics.ToImmutable(), Scorer.Notes, Scorer.Provenance);
            });
            return new PassOutcome(result, _fault);
        }
    }
}
