using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Claims;
using QuantBench.Dashboard.Queries;

namespace QuantBench.Dashboard.Pages;

/// <summary>What holds here?</summary>
public sealed partial class Claims
{
    private ImmutableArray<RunListItem> _runs = [];
    private ImmutableArray<ClaimFinding> _findings = [];
    private string? _run;
    private string _lead = "No run yet.";
    private string _text = "";

    /// <summary>The run to judge by.</summary>
    [SupplyParameterFromQuery(Name = "run")]
    public string? RunId { get; set; }

    [Inject]
    private DecisionQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _runs = await Runs.LatestAsync(100, Left);
        _run = RunId ?? _runs.Where(r => r.State == RunState.Completed).Select(r => r.Id).FirstOrDefault();
        if (File.Exists(Options.Lab.ClaimsFile)) _text = await File.ReadAllTextAsync(Options.Lab.ClaimsFile, Left);
        if (_run is null) return;
        _findings = await Queries.ClaimsAsync(_run, Left);
        if (!_findings.IsEmpty) _lead = ClaimText.Lead(_findings);
    }

    private static string Mark(ClaimVerdict verdict) =>
        verdict switch { ClaimVerdict.Holds => "pass", ClaimVerdict.Fails => "worse", _ => "none" };
}
