namespace QuantBench.Dashboard.Tests;

/// <summary>Tests that share the one server.</summary>
[CollectionDefinition(Name)]
public sealed class DashboardCollection : ICollectionFixture<DashboardFixture>
{
    public const string Name = "dashboard";
}
