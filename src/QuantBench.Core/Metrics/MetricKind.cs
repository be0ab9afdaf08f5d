namespace QuantBench.Core.Metrics;

/// <summary>What a metric's figure is about; decides what must match before two figures are compared.</summary>
public enum MetricKind
{
    /// <summary>Depends on model, text and tokenizer: compared only under one protocol id.</summary>
    Quality,

    /// <summary>A timing or rate: compared only where the fingerprints allow it.</summary>
    Timing,

    /// <summary>Bytes in memory or on disk.</summary>
    Size,
}
