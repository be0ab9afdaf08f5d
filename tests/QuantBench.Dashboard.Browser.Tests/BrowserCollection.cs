namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>Tests that share the browser and the server.</summary>
[CollectionDefinition(Name)]
public sealed class BrowserCollection : ICollectionFixture<BrowserFixture>
{
    public const string Name = "browser";
}
