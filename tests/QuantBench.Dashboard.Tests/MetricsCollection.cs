namespace QuantBench.Dashboard.Tests;

/// <summary>A server alone in its process: meters of one name are one to the exporter, so a server that ends takes those of all others
/// with it.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MetricsCollection : ICollectionFixture<DashboardFixture>
{
    public const string Name = "metrics";
}
