namespace QuantBench.Results.Store;

/// <summary>Which figures a trend is about; null members match anything.</summary>
/// <param name="Metric">Metric name.</param>
/// <param name="Machine">Machine id or host name.</param>
/// <param name="CellId">One cell.</param>
/// <param name="Model">Model id.</param>
/// <param name="Variant">Variant id.</param>
/// <param name="Backend">Backend id.</param>
/// <param name="Workload">Workload name.</param>
/// <param name="Suite">Name of the suite.</param>
/// <param name="SinceMs">Runs started at this time or later, milliseconds since 1970 UTC.</param>
public sealed record SeriesQuery(
    string Metric, string? Machine = null, string? CellId = null, string? Model = null, string? Variant = null, string? Backend = null,
    string? Workload = null,
    string? Suite = null, long? SinceMs = null);
