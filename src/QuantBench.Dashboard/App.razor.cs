using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using QuantBench.Dashboard.Hosting;

namespace QuantBench.Dashboard;

/// <summary>The document around every page.</summary>
public sealed partial class App
{
    [CascadingParameter]
    private HttpContext? HttpContext { get; set; }

    // Null leaves the attribute out: then the system's scheme counts.
    private string? Theme =>
        HttpContext?.Request.Cookies[ThemeCookie.Name] is "light" or "dark" ? HttpContext.Request.Cookies[ThemeCookie.Name] : null;

    private static string Style => EmbeddedAssets.Address("quantbench.css");

    private static string Script => EmbeddedAssets.Address("quantbench.js");

    private static string Blazor => EmbeddedAssets.Address("blazor.web.js");

    private static string Icon => EmbeddedAssets.Address("icon.svg");
}
