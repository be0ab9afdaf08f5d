using System.Collections.Immutable;

namespace QuantBench.Analysis.Reports;

/// <summary>A section of a <see cref="ComplianceReport"/>.</summary>
/// <param name="Id">Stable id.</param>
/// <param name="Title">Title.</param>
/// <param name="Note">What the table holds; may be empty.</param>
/// <param name="Head">Column heads.</param>
/// <param name="Rows">One text per column.</param>
public sealed record ComplianceSection(string Id, string Title, string Note, ImmutableArray<string> Head,
    ImmutableArray<ImmutableArray<string>> Rows);
