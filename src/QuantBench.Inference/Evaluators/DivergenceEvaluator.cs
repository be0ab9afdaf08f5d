using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Suites;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Servers;

namespace QuantBench.Inference.Evaluators;

/// <summary>
/// A variant's next-token distribution against a reference variant's, on perplexity's positions: KL(reference ‖ variant), same most likely
/// token (the first one where several are equally likely), Δp of the true token (variant − reference), and both perplexities with paired
/// errors. Statistics are llama-perplexity's; the reference is exact where llama-perplexity's is rounded to 16 bits and clipped. KL is
/// reported as computed: where the truth is 0, rounding can leave a value about −1e-8.
/// </summary>
public sealed class DivergenceEvaluator : IWorkloadEvaluator, IReferencedWorkload
{
    /// <inheritdoc/>
    public string Workload => "divergence";

    /// <inheritdoc/>
    public void ComputeReference(EvaluationContext context, string outputPath, CancellationToken cancellationToken) =>
        ReferenceLogProbabilities.Compute(context, outputPath, cancellationToken);

    /// <inheritdoc/>
    public Support CanRun(EvaluationContext context) => ServedText.CanRun(context) ?? LoadedCell.CanRun(context);

    /// <inheritdoc/>
    public EvaluationResult Evaluate(EvaluationContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ChunkPlan plan = ChunkPlan.Make(context.Text, context.Cell.Settings);
        if (context.ReferencePath is not { } path)
            throw new RequestException("Divergence needs a reference, but the cell has none.", "Set 'reference' in the suite.");
        using ReferenceLogProbabilities reference = ReferenceLogProbabilities.Open(path);
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
        CheckReference(reference.Header, protocol, path);
        if (context.Engine is IServerEngine) return EvaluateServed(context, plan, reference, cancellationToken);
        using LoadedCell loaded = LoadedCell.Open(context, cancellationToken);
        plan.CheckVocabulary(loaded.Model.VocabularySize);
        CheckVocabulary(loaded.Model.VocabularySize, reference.Header);
        IInferenceSession session =
            loaded.CreateSession(ChunkLoop.Options(plan, LoadedCell.CommonOptions(context, loaded.Threads, plan.ContextLength)));
        var scores = new DivergenceScores(plan.Scored);
        using var workers = new RowWorkers(loaded.Threads);
        float[][] rows = new float[workers.Count][];
        for (int i = 0; i < rows.Length; i++) rows[i] = new float[reference.Header.VocabularySize];
        var loop = new ChunkLoop(plan, session, workers, (worker, scored, logits, target) =>
        {
            float[] row = rows[worker];
            reference.ReadRow(scored, row);
            if (!scores.Score(scored, row, logits, target)) throw ChunkLoop.NotFinite(plan, scored);
        });
        double seconds = PerplexityEvaluator.RunTimed(context, plan, loop, scores.Nll, cancellationToken);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        PerplexityEvaluator.AddPerplexity(metrics, plan, scores.Nll, loaded.Model.VocabularySize, protocol);
        AddScores(metrics, context, plan, scores, reference.Header);
        PerplexityEvaluator.AddSpeed(metrics, plan, seconds);
        loaded.AddSizes(metrics);
        return loaded.Result(metrics.ToImmutable(), [], Provenance(plan, protocol, reference.Header));
    }

    private static EvaluationResult EvaluateServed(
        EvaluationContext context, ChunkPlan plan, ReferenceLogProbabilities reference, CancellationToken cancellationToken)
    {
        using ServedText served = ServedText.Open(context, plan, rows: true, cancellationToken);
        CheckVocabulary(served.VocabularySize ?? 0, reference.Header);
        var scores = new DivergenceScores(plan.Scored);
        float[][] rows = new float[served.Lanes][];
        for (int i = 0; i < rows.Length; i++) rows[i] = new float[reference.Header.VocabularySize];
        double seconds = served.Run(scores.Nll, (scored, _, lane, row) =>
        {
            reference.ReadRow(scored, rows[lane]);
            if (!scores.Score(scored, rows[lane], row, plan.Target(scored))) throw ChunkLoop.NotFinite(plan, scored);
        }, cancellationToken);
        string protocol = QualityProtocol.Perplexity(plan.Text, plan.ContextLength, plan.Chunks);
        var metrics = ImmutableArray.CreateBuilder<Measurement>();
        PerplexityEvaluator.AddPerplexity(metrics, plan, scores.Nll, reference.Header.VocabularySize, protocol);
        AddScores(metrics, context, plan, scores, reference.Header);
        PerplexityEvaluator.AddSpeed(metrics, plan, seconds);
        return served.Result(metrics, Provenance(plan, protocol, reference.Header));
    }

    private static void AddScores(ImmutableArray<Measurement>.Builder metrics, EvaluationContext context, ChunkPlan plan,
        DivergenceScores scores, ReferenceHeader reference) =>
        scores.AddTo(metrics, plan.ScoredPerChunk,
            QualityProtocol.Divergence(plan.Text, plan.ContextLength, plan.Chunks, reference.Variant,
                ReferenceNeed.HasRoundedCache(context.Cell)));

    private static (string Key, string Value)[] Provenance(ChunkPlan plan, string protocol, ReferenceHeader reference) =>
    [
        .. PerplexityEvaluator.Provenance(plan, protocol),
        ("reference_variant", reference.Variant),
        ("reference_sha256", reference.ArtifactSha256),
        ("reference_engine_build", reference.EngineBuild),
    ];

    private static void CheckVocabulary(int size, ReferenceHeader reference)
    {
        if (size == reference.VocabularySize) return;
        throw new RequestException($"The model has {size} logits, but the reference has {reference.VocabularySize}.",
            "Reference and variant must be of the same model.");
    }

    private static void CheckReference(ReferenceHeader header, string protocol, string path)
    {
        if (header.Protocol == protocol) return;
        throw new RequestException(
            $"The reference {path} was computed under {header.Protocol}, but the cell asks for {protocol}.",
            "Delete the file; it is computed again when needed.");
    }
}

/// <summary>Scores of every position against the reference; written by several threads, each position once.</summary>
internal sealed class DivergenceScores(int positions)
{
    private readonly double[] _referenceNll = new double[positions];
    private readonly double[] _kl = new double[positions];
    private readonly double[] _deltaP = new double[positions];
    private readonly bool[] _sameTop = new bool[positions];

    /// <summary>NLL of the variant, nats.</summary>
    public double[] Nll { get; } = new double[positions];

    /// <summary>Scores one position.</summary>
    /// <returns>False when a logit isn't finite.</returns>
    public bool Score(int scored, ReadOnlySpan<float> reference, ReadOnlySpan<float> variant, int target)
    {
        RowDivergence row = LogitMath.Diverge(reference, variant);
        if (!row.Reference.IsFinite || !row.Variant.IsFinite) return false;
        Nll[scored] = row.Variant.Value - variant[target];
        _referenceNll[scored] = row.Reference.Value - reference[target];
        _kl[scored] = row.Kl;
        _deltaP[scored] = Math.Exp(-Nll[scored]) - Math.Exp(-_referenceNll[scored]);
        _sameTop[scored] = LogitMath.ArgMax(reference, row.Reference.Max) == LogitMath.ArgMax(variant, row.Variant.Max);
        return true;
    }

    /// <summary>Adds every metric against the reference. Those that are means have their samples per chunk, so that two variants can be
    /// compared in pairs.</summary>
    /// <param name="metrics">Receives them.</param>
    /// <param name="perChunk">Positions of a chunk.</param>
    /// <param name="protocol">Protocol id.</param>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics, int perChunk, string protocol)
    {
        PairedNll paired = PairedStatistics.Compare(Nll, _referenceNll);
        Add("ppl_ratio", paired.Ratio);
        Add("ppl_difference", paired.Difference);
        AddMean("ln_ppl_ratio", paired.LnRatio, i => Nll[i] - _referenceNll[i]);
        if (paired.Correlation is { } correlation) AddPlain("nll_correlation", correlation);
        AddMean("kl_mean", PairedStatistics.Mean(_kl), i => _kl[i]);
        double[] kl = Sorted(_kl);
        AddPlain("kl_median", Descriptive.Quantile(kl, 0.5));
        AddPlain("kl_p90", Descriptive.Quantile(kl, 0.90));
        AddPlain("kl_p95", Descriptive.Quantile(kl, 0.95));
        AddPlain("kl_p99", Descriptive.Quantile(kl, 0.99));
        AddPlain("kl_p999", Descriptive.Quantile(kl, 0.999));
        AddPlain("kl_max", kl[^1]);
        AddMean("same_top", PairedStatistics.Share(_sameTop.Count(same => same), _sameTop.Length), i => _sameTop[i] ? 1 : 0);
        AddMean("delta_p_mean", PairedStatistics.Mean(_deltaP), i => _deltaP[i]);
        Add("delta_p_rms", PairedStatistics.RootMeanSquare(_deltaP));
        double[] deltaP = Sorted(_deltaP);
        AddPlain("delta_p_p01", Descriptive.Quantile(deltaP, 0.01));
        AddPlain("delta_p_p05", Descriptive.Quantile(deltaP, 0.05));
        AddPlain("delta_p_median", Descriptive.Quantile(deltaP, 0.5));
        AddPlain("delta_p_p95", Descriptive.Quantile(deltaP, 0.95));
        AddPlain("delta_p_p99", Descriptive.Quantile(deltaP, 0.99));

        void Add(string name, Estimate estimate) =>
            metrics.Add(Measurement.Of(name, estimate.Value, estimate.Error, Nll.Length) with { Protocol = protocol });

        void AddMean(string name, Estimate estimate, Func<int, double> score) =>
            metrics.Add(Measurement.Of(name, estimate.Value, estimate.Error, Nll.Length) with
            {
                Samples = [.. Enumerable.Range(0, Nll.Length / perChunk)
                    .Select(c => Enumerable.Range(c * perChunk, perChunk).Average(score))],
                Protocol = protocol,
            });

        void AddPlain(string name, double value) => metrics.Add(Measurement.Of(name, value, n: Nll.Length) with { Protocol = protocol });
    }

    private static double[] Sorted(double[] values)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted;
    }
}
