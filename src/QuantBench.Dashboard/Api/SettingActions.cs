using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Hosting;

namespace QuantBench.Dashboard.Api;

/// <summary>What forms of the Settings page send, beside accounts and keys. Each field set is saved on its own.</summary>
internal static class SettingActions
{
    public static void Map(RouteGroupBuilder anyone, RouteGroupBuilder admins)
    {
        anyone.MapPost("/units", SetUnits);
        admins.MapPost("/settings/retention",
            (HttpContext http, ServerSettings settings, [FromForm] string? value) =>
                Save(() => settings.SetRetention(value, PageActions.Actor(http)), "How long runs are kept was saved."));
        admins.MapPost("/settings/listen",
            (HttpContext http, ServerSettings settings, [FromForm] string? value) =>
                Save(() => settings.SetListen(value, PageActions.Actor(http)), "The address was saved; it counts from the next start on."));
    }

    private static IResult SetUnits(HttpContext http, [FromForm] string? units)
    {
        if (units is UnitsCookie.Decimal)
            http.Response.Cookies.Append(UnitsCookie.Name, units,
                new CookieOptions
                {
                    HttpOnly = true,
                    SameSite = SameSiteMode.Lax,
                    MaxAge = TimeSpan.FromDays(365),
                    IsEssential = true,
                    Secure = http.Request.IsHttps
                });
        else http.Response.Cookies.Delete(UnitsCookie.Name);
        return Answers.Redirect("/settings");
    }

    private static IResult Save(Action save, string said)
    {
        try
        {
            save();
            return PageActions.Said(said);
        }
        catch (RequestException e)
        {
            // The page says what was wrong, beside the field.
            return PageActions.Said($"Not saved: {e.Message} {e.Hint}");
        }
    }
}
