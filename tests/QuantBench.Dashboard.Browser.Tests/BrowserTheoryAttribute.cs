namespace QuantBench.Dashboard.Browser.Tests;

/// <summary>As <see cref="BrowserFactAttribute"/>, for a table of cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute() => Skip = BrowserTools.Missing;
}
