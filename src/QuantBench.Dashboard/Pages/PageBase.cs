using System.Data.Common;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using QuantBench.Core.Errors;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Pages;

/// <summary>What pages share: they load once per request, and an error becomes a panel with a way on, not a broken page.</summary>
public abstract class PageBase : ComponentBase
{
    /// <summary>The request.</summary>
    [CascadingParameter]
    public HttpContext? Http { get; set; }

    /// <summary>The one clock.</summary>
    [Inject]
    public TimeProvider Clock { get; set; } = null!;

    /// <summary>What the dashboard shows.</summary>
    [Inject]
    public DashboardOptions Options { get; set; } = null!;

    /// <summary>The store, which knows its faults.</summary>
    [Inject]
    public ResultStore Store { get; set; } = null!;

    /// <summary>The address of the page.</summary>
    [Inject]
    public NavigationManager Navigation { get; set; } = null!;

    /// <summary>What went wrong while loading; null when nothing did.</summary>
    protected QuantBenchException? Problem { get; private set; }

    /// <summary>Cancelled when the reader has left.</summary>
    protected CancellationToken Left => Http?.RequestAborted ?? CancellationToken.None;

    /// <summary>What is said of the server's files, as this reader may read it.</summary>
    protected string? For(string? text) => ServerPaths.For(Http?.User, Options.Lab, text);

    /// <summary>Loads what the page shows.</summary>
    protected abstract Task LoadAsync();

    /// <summary>Answers 404 with the page's own words.</summary>
    protected void NotThere()
    {
        // Set when the answer starts: with 404 set before, the framework leaves the page's own words out.
        Http?.Response.OnStarting(() =>
        {
            Http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        try
        {
            await LoadAsync();
        }
        catch (QuantBenchException e) when (e.InnerException is not DbException)
        {
            Problem = e;
        }
        catch (Exception e) when (e is not OperationCanceledException && Store.Explain(e) is { } known)
        {
            // Without its database no page has anything to show: the error page says why.
            throw known;
        }
    }
}
