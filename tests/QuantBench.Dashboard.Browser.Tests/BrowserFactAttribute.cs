namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>A test in a real browser; skipped with its reason where there is none, unless QB_REQUIRE_BROWSER is set.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = BrowserTools.Missing;
}
