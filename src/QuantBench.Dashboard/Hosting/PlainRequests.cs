using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace QuantBench.Dashboard.Hosting;

/// <summary>What every request is, before anybody looks at it: an address without control characters; HEAD is GET without its
/// body.</summary>
internal static class PlainRequests
{
    public static void UsePlainRequests(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (HasControl(http.Request.Path.Value)
            || http.Request.Query.Any(q => HasControl(q.Key) || q.Value.Any(v => HasControl(v, lines: true))))
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            http.Response.ContentType = "text/plain; charset=utf-8";
            await http.Response.WriteAsync("The address has control characters in it.\n", http.RequestAborted);
            return;
        }

        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await next(http);
            return;
        }

        http.Request.Method = HttpMethods.Get;
        Stream body = http.Response.Body;
        http.Response.Body = Stream.Null;
        try
        {
            await next(http);
        }
        finally
        {
            http.Response.Body = body;
            http.Request.Method = HttpMethods.Head;
        }
    });

    // A form field of a GET may hold lines.
    private static bool HasControl(string? text, bool lines = false) =>
        text is not null && text.Any(c => char.IsControl(c) && !(lines && c is '\n' or '\r' or '\t'));
}
