using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;
using QuantBench.Lab;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Pages;

/// <summary>Finds a run, model, variant, machine or suite by name; a single hit is gone to at once.</summary>
public sealed partial class Search
{
    private const int MostVariants = 50;

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
            .. facets.Suites.Concat(Lab.SuiteFiles().Select(f => Path.GetFileNameWithoutExtension(f))).Distinct().Where(Fits)
                .Order(StringComparer.Ordinal)
                .Select(s => Lab.SuiteFile(s) is not null ? ("suite", s, Link.Suite(s))
                    : ("suite that ran", s, Link.To("/runs", ("suite", s)))),
            .. (await Runs.VariantsAsync(Left)).Where(v => Fits(v.Variant) || Fits($"{v.Model} {v.Variant}"))
                .Select(v => ("variant", $"{v.Model} {v.Variant}", Link.Model(v.Model))).Take(MostVariants),
            .. runs.Runs.Select(r => ("run", r.Id, Link.Run(r.Id))),
        ];
        if (_hits.Length == 1) Navigation.NavigateTo(_hits[0].Address);
    }
}
