using System.Collections.Immutable;
using QuantBench.Core.Metrics;

namespace QuantBench.Inference.Evaluators;

/// <summary>Which scored positions count: those where nothing is NaN or infinite. The others are counted and named, and figures say so in
/// their protocol.</summary>
internal sealed class FinitePositions
{
    private const int Named = 3;

    private readonly ChunkPlan _plan;
    private readonly int[] _missing;

    private FinitePositions(ChunkPlan plan, int[] missing) => (_plan, _missing) = (plan, missing);

    /// <summary>What is added to the protocol; empty when every position counts.</summary>
    public string Suffix => _missing.Length == 0 ? "" : $";nonfinite={_missing.Length}";

    /// <summary>Marks for the cell.</summary>
    public ImmutableArray<string> Notes => _missing.Length == 0 ? [] :
    [
        $"{_missing.Length} of {_plan.Scored} positions have logits that aren't finite and don't count: "
            + string.Join("; ", _missing.Take(Named).Select(_plan.PlaceOf)) + (_missing.Length > Named ? "; …" : "")
            + ". The artifact is broken, or its activations overflow this engine's or KV cache's number format",
    ];

    /// <summary>Looks for positions without a likelihood.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="nll">[scored]; NaN where there is none.</param>
    /// <exception cref="QuantBench.Core.Errors.EngineException">A chunk has none at all.</exception>
    public static FinitePositions Of(ChunkPlan plan, double[] nll)
    {
        int[] missing = [.. Enumerable.Range(0, nll.Length).Where(i => double.IsNaN(nll[i]))];
        for (int chunk = 0; missing.Length > 0 && chunk < plan.Chunks; chunk++)
        {
            int first = chunk * plan.ScoredPerChunk;
            if (!nll.AsSpan(first, plan.ScoredPerChunk).ContainsAnyExcept(double.NaN)) throw ChunkLoop.NotFinite(plan, first);
        }

        return new FinitePositions(plan, missing);
    }

    /// <summary>The values of those that count.</summary>
    /// <typeparam name="T">Their type.</typeparam>
    /// <param name="values">[scored].</param>
    public T[] Keep<T>(T[] values)
    {
        if (_missing.Length == 0) return values;
        var missing = _missing.ToHashSet();
        return [.. values.Where((_, i) => !missing.Contains(i))];
    }

    /// <summary>Numbers of the positions that count.</summary>
    public int[] Numbers() => Keep([.. Enumerable.Range(0, _plan.Scored)]);

    /// <summary>Adds how many don't count, if any.</summary>
    public void AddTo(ImmutableArray<Measurement>.Builder metrics)
    {
        if (_missing.Length > 0) metrics.Add(Measurement.Of("nonfinite_positions", _missing.Length, n: _plan.Scored));
    }
}
