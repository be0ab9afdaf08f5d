using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Variants;

namespace QuantBench.Analysis.Candidates;

/// <summary>One variant of a model on a backend: what could be shipped.</summary>
/// <param name="Model">Model id.</param>
/// <param name="Variant">The variant.</param>
/// <param name="Backend">The backend.</param>
/// <param name="Cells">Its cells in the run.</param>
public sealed record Candidate(string Model, Variant Variant, BackendId Backend, ImmutableArray<CellResult> Cells)
{
    /// <summary>Its precision class.</summary>
    public PrecisionClass Class => CellResult.ClassOf(Variant, Cells);

    /// <summary>One candidate per model, variant and backend: identity is what a dictionary of them needs.</summary>
    public bool Equals(Candidate? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}
