using Microsoft.AspNetCore.Builder;
using QuantBench.Analysis.Formatting;

namespace QuantBench.Dashboard.Hosting;

/// <summary>Whether a reader wants sizes in powers of 1000; a cookie, as the theme is.</summary>
internal static class UnitsCookie
{
    public const string Name = "qb-units";

    public const string Decimal = "decimal";

    /// <summary>Every request writes sizes as its reader wants them.</summary>
    public static void UseByteUnits(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        ByteUnits.Use(http.Request.Cookies[Name] == Decimal);
        return next(http);
    });
}
