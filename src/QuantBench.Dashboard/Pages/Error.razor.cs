using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using QuantBench.Core.Errors;

namespace QuantBench.Dashboard.Pages;

/// <summary>What went wrong, when a page couldn't be made.</summary>
public sealed partial class Error
{
    private StoreException? _fault;

    /// <summary>The request.</summary>
    [CascadingParameter]
    public HttpContext? Http { get; set; }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        _fault = Http?.Features.Get<IExceptionHandlerFeature>()?.Error as StoreException;
        if (_fault is not null && Http is { Response.HasStarted: false })
            Http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
    }
}
