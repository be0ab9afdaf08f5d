namespace QuantBench.Dashboard.Hosting;

/// <summary>The one cookie that a reader without an account has.</summary>
internal static class ThemeCookie
{
    public const string Name = "qb-theme";
}
