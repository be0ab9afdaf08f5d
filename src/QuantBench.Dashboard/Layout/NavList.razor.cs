using System.Collections.Immutable;
using System.Security.Claims;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using QuantBench.Dashboard.Accounts;
using QuantBench.Dashboard.Hosting;
using QuantBench.Dashboard.Queries;
using QuantBench.Lab.Accounts;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Layout;

/// <summary>A page in the navigation.</summary>
/// <param name="Path">Its address.</param>
/// <param name="Label">Its name.</param>
/// <param name="Count">Things on it; null = not counted.</param>
/// <param name="Counted">What is counted.</param>
public sealed record NavEntry(string Path, string Label, int? Count = null, string Counted = "entries");

/// <summary>A group of pages.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Entries">Its pages.</param>
public sealed record NavGroup(string Title, ImmutableArray<NavEntry> Entries);

/// <summary>The navigation, in the rail and in the menu of narrow screens. To add a page: its file in Pages, and a line here.</summary>
public sealed partial class NavList
{
    private ImmutableArray<NavGroup> _groups = [];

    /// <summary>Where it stands: <c>rail</c> or <c>small</c>.</summary>
    [Parameter]
    [EditorRequired]
    public string Id { get; set; } = "";

    [CascadingParameter]
    private Task<AuthenticationState>? Authentication { get; set; }

    [Inject]
    private DashboardOptions Options { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    [Inject]
    private MachineQueries Machines { get; set; } = null!;

    [Inject]
    private ResultStore Store { get; set; } = null!;

    [Inject]
    private ReviewCounter Reviews { get; set; } = null!;

    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    /// <summary>Name of the page at a path.</summary>
    public static string NameOf(string path) =>
        Entries(0, 0, 0, true).SelectMany(g => g.Entries).Where(e => Fits(e, path)).Select(e => e.Label).FirstOrDefault("QuantBench");

    /// <inheritdoc/>
    protected override async Task OnInitializedAsync()
    {
        ClaimsPrincipal? user = Authentication is null ? null : (await Authentication).User;
        bool admin = user?.IsInRole(Policies.Name(Role.Admin)) ?? false;
        if (Options.ReadingNeedsLogin && user?.Identity is not { IsAuthenticated: true })
        {
            // How much there is, is part of what only readers see.
            _groups = Entries(null, null, 0, admin);
            return;
        }

        try
        {
            _groups =
                Entries(await Runs.CountAsync(), (await Machines.ListAsync(CancellationToken.None)).Length,
                    Reviews.Total, admin);
        }
        catch (Exception e) when (Store.Explain(e) is not null)
        {
            // The page says what is wrong; the way to the other pages stays.
            _groups = Entries(null, null, 0, admin);
        }
    }

    private static ImmutableArray<NavGroup> Entries(int? runs, int? machines, int changes, bool admin) =>
    [
        new("Results",
        [
            new("/", "Overview"), new("/runs", "Runs", runs), new("/compare", "Compare"), new("/decide", "Decide"),
            new("/leaders", "Leaderboard"),
            new("/trends", "Trends", changes > 0 ? changes : null, "changes nobody has acknowledged"), new("/claims", "Claims"),
        ]),
        new("Lab",
        [
            new("/machines", "Machines", machines), new("/agents", "Agents"), new("/models", "Models"), new("/suites", "Suites"),
            new("/glossary", "Glossary"),
        ]),
        new("Admin", admin ? [new("/audit", "Audit"), new("/settings", "Settings")] : [new("/settings", "Settings")]),
    ];

    private string? Current(NavEntry entry) => Fits(entry, new Uri(Navigation.Uri).AbsolutePath) ? "page" : null;

    private static bool Fits(NavEntry entry, string path) =>
        entry.Path == "/" ? path == "/" : path == entry.Path || path.StartsWith(entry.Path + "/", StringComparison.Ordinal);
}
