using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;
using QuantBench.Lab;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Pages;

/// <summary>Finds a run, model, machine or suite by name; a single hit is gone to at once.</summary>
public sealed partial class Search
{
    private ImmutableArray<(string Kind, string Name, string Address)> _hits = [];

    /// <summary>Text to look for.</summary>
    [SupplyParameterFromQuery(Name = "q")]
    public string? Query { get; set; }

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    [Inject]
    private LabOptions Lab { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        string text = Query?.Trim() ?? "";
        if (text.Length == 0) return;
        RunFacets facets = await Runs.FacetsAsync(Left);
        RunPage runs = await Runs.ListAsync(new RunFilter { Search = text }, Left);
        bool Fits(string name) => name.Contains(text, StringComparison.OrdinalIgnoreCase);
        _hits =
        [
            .. facets.Models.Where(Fits).Select(m => ("model", m, Link.Model(m))),
            .. facets.Machines.Where(m => Fits(m.Host) || Fits(m.Id)).Select(m => ("machine", m.Host, Link.Machine(m.Id))),
            .. Lab.SuiteFiles().Select(f => Path.GetFileNameWithoutExtension(f)).Where(Fits).Select(s => ("suite", s, Link.Suite(s))),
            .. runs.Runs.Select(r => ("run", r.Id, Link.Run(r.Id))),
        ];
        if (_hits.Length == 1) Navigation.NavigateTo(_hits[0].Address);
    }
}
