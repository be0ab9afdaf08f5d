using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Formatting;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Runs;
using QuantBench.Dashboard.Text;
using QuantBench.Lab.Notes;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Pages;

/// <summary>All runs: filter, sort, search.</summary>
public sealed partial class Runs
{
    private static readonly ImmutableArray<(string Value, string Label)> Statuses =
        [("completed", "completed"), ("running", "running"), ("stopped", "stopped"), ("failed", "with failed cells")];

    private RunFilter _filter = new();
    private RunPage _page = new([], 0, 0);
    private RunFacets _facets = new([], [], [], []);
    private ImmutableArray<(string Name, string Value)> _chips = [];
    private ImmutableArray<FingerprintColumn> _columns = [];
    private ImmutableDictionary<string, ImmutableArray<string>> _texts = ImmutableDictionary<string, ImmutableArray<string>>.Empty;
    private RunNote? _edited;
    private string _lead = "";
    private string _count = "";
    private string _order = "";

    /// <summary>Text to search for.</summary>
    [SupplyParameterFromQuery(Name = "q")]
    public string? Search { get; set; }

    /// <summary>Suite.</summary>
    [SupplyParameterFromQuery(Name = "suite")]
    public string? Suite { get; set; }

    /// <summary>Model.</summary>
    [SupplyParameterFromQuery(Name = "model")]
    public string? Model { get; set; }

    /// <summary>Machine.</summary>
    [SupplyParameterFromQuery(Name = "machine")]
    public string? Machine { get; set; }

    /// <summary>Status.</summary>
    [SupplyParameterFromQuery(Name = "status")]
    public string? Status { get; set; }

    /// <summary>Label.</summary>
    [SupplyParameterFromQuery(Name = "tag")]
    public string? Tag { get; set; }

    /// <summary>Column to sort by.</summary>
    [SupplyParameterFromQuery(Name = "sort")]
    public string? Sort { get; set; }

    /// <summary><c>asc</c> = smallest first.</summary>
    [SupplyParameterFromQuery(Name = "dir")]
    public string? Dir { get; set; }

    /// <summary>1-based page.</summary>
    [SupplyParameterFromQuery(Name = "page")]
    public string? Number { get; set; }

    /// <summary>Columns of the fingerprint, joined by dots.</summary>
    [SupplyParameterFromQuery(Name = "cols")]
    public string? ColumnKeys { get; set; }

    /// <summary>Columns as the picker sends them.</summary>
    [SupplyParameterFromQuery(Name = "col")]
    public string[]? Picked { get; set; }

    /// <summary>That the picker sent them; it sends no column when none is picked.</summary>
    [SupplyParameterFromQuery(Name = "pick")]
    public string? Pick { get; set; }

    /// <summary>Run whose note and tags are being edited.</summary>
    [SupplyParameterFromQuery(Name = "edit")]
    public string? Edit { get; set; }

    [Inject]
    private FingerprintQueries Fingerprints { get; set; } = null!;

    [Inject]
    private RunNotes Notes { get; set; } = null!;

    [Inject]
    private RunQueries Queries { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        if (Pick is not null)
        {
            // One address per choice of columns, whatever way it was picked.
            Navigation.NavigateTo(
                Link.With(Navigation.Uri, ("cols", string.Join('.', FingerprintQueries.Of(Picked ?? []).Select(c => c.Key))), ("col", null),
                    ("pick", null)));
            return;
        }

        _filter = new RunFilter
        {
            Search = Search ?? "",
            Suite = Suite ?? "",
            Model = Model ?? "",
            Machine = Machine ?? "",
            Status = Status ?? "",
            Tag = Tag ?? "",
            Sort = Sort ?? "started",
            Descending = Dir != "asc",
            Page = int.TryParse(Number, NumberStyles.None, CultureInfo.InvariantCulture, out int page) ? Math.Clamp(page, 1, 100_000) : 1,
        };
        _facets = await Queries.FacetsAsync(Left);
        _page = await Queries.ListAsync(_filter, Left);
        _columns = FingerprintQueries.Of((ColumnKeys ?? "").Split('.'));
        _texts = await Fingerprints.TextsAsync([.. _page.Runs.Select(r => r.Id)], _columns, Left);
        _edited = Edit is null || _page.Runs.All(r => r.Id != Edit) ? null : Notes.Of(Edit);
        (string,
            string?)[] given = [("q", Search), ("suite", Suite), ("model", Model), ("machine", Machine), ("status", Status), ("tag", Tag)];
        _chips = [.. given.Where(g => !string.IsNullOrEmpty(g.Item2)).Select(g => (g.Item1, g.Item2!))]; // filtered
        _count = _page.Matching == _page.All ? Words.Count(_page.All, "run", "runs")
            : $"{Format.Count(_page.Matching)} of {Words.Count(_page.All, "run", "runs")}";
        _order = $"by {_filter.Sort}, {(_filter.Descending ? "largest or newest" : "smallest or oldest")} first";
        int failed = _page.Runs.Count(r => r.Counts.Failed > 0 || r.State == RunState.Silent);
        int running = _page.Runs.Count(r => r.State == RunState.Running);
        _lead = _page.All == 0 ? "Nothing has been measured yet."
            : $"{(running > 0 ? $"{Words.Count(running, "run is", "runs are")} being measured. " : "")}{(failed == 0 ? "No run on this "
                + "page went wrong." : $"{Words.Count(failed, "run", "runs")} on this page had cells that failed or a runner that died.")}";
    }

    private int Width => 9 + _columns.Length;

    private string Here => Link.With(Navigation.Uri, ("edit", null));

    private IEnumerable<(string Name, string Value)> Kept() => new (string, string?)[]
    {
        ("q", Search), ("suite", Suite), ("model", Model), ("machine", Machine), ("status", Status), ("tag", Tag), ("sort", Sort),
        ("dir", Dir),
    }.Where(k => !string.IsNullOrEmpty(k.Item2)).Select(k => (k.Item1, k.Item2!)); // filtered

    private string PageLink(int step) => Link.With(Navigation.Uri, ("page", (_filter.Page + step).ToString(CultureInfo.InvariantCulture)));
}
