using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Components;
using QuantBench.Analysis.Leaders;
using QuantBench.Core.Metrics;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Pages;

/// <summary>On which machine, in which variant, does a model do best?</summary>
public sealed partial class Leaders
{
    private const int PerPage = 50;

    private ImmutableArray<string> _models = [];
    private ImmutableArray<LeaderRow> _listed = [];
    private MetricDefinition _metric = MetricTable.GenerationSpeed;
    private Leaderboard? _board;
    private string? _model;
    private string _lead = "Nothing has been measured yet.";
    private string _why = "Nothing has been measured yet.";
    private int _page = 1;
    private int _pages = 1;

    /// <summary>The model; the first one unless given.</summary>
    [SupplyParameterFromQuery(Name = "model")]
    public string? ModelId { get; set; }

    /// <summary>The metric.</summary>
    [SupplyParameterFromQuery(Name = "metric")]
    public string? MetricName { get; set; }

    /// <summary>Workload and settings.</summary>
    [SupplyParameterFromQuery(Name = "way")]
    public string? Way { get; set; }

    /// <summary>Page, from 1.</summary>
    [SupplyParameterFromQuery(Name = "page")]
    public string? Number { get; set; }

    [Inject]
    private LeaderQueries Queries { get; set; } = null!;

    [Inject]
    private RunQueries Runs { get; set; } = null!;

    private string Csv => Link.To("/api/v1/leaders.csv", ("model", _model), ("metric", _metric.Name), ("way", _board?.Way));

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _models = (await Runs.FacetsAsync(Left)).Models;
        _metric = LeaderQueries.Metrics.FirstOrDefault(m => m.Name == MetricName) ?? MetricTable.GenerationSpeed;
        _model = _models.Contains(ModelId ?? "") ? ModelId : _models.FirstOrDefault();
        if (_model is null) return;
        _board = await Queries.BoardAsync(_model, _metric, Way);
        _why = $"No run has {_metric.Title.ToLowerInvariant()} of {_model}.";
        _pages = Math.Max(1, (_board.Rows.Length + PerPage - 1) / PerPage);
        _page = int.TryParse(Number, NumberStyles.None, CultureInfo.InvariantCulture, out int page) ? Math.Clamp(page, 1, _pages) : 1;
        _listed = [.. _board.Rows.Skip((_page - 1) * PerPage).Take(PerPage)];
        _lead = Lead(_board);
    }

    private static string Lead(Leaderboard board)
    {
        LeaderRow[] first = [.. board.Rows.Where(r => r.Rank == 1)];
        if (first.Length == 0) return "No figure can be ranked: none has a known error.";
        string machines = Words.Count(board.Rows.Select(r => r.Figure.MachineId).Distinct().Count(), "machine", "machines");
        string best = $"{first[0].Figure.Variant} on {first[0].Figure.Machine} ({first[0].Figure.Backend}), "
            + LeaderText.Value(board.Metric, first[0].Figure);
        return first.Length == 1 ? $"First of {board.Rows.Length} figures from {machines}: {best}."
            : $"{first.Length} of {board.Rows.Length} figures from {machines} share the first rank; the best estimate is that of {best}.";
    }

    private string PageLink(int page) => Link.With(Navigation.Uri, ("page", page.ToString(CultureInfo.InvariantCulture)));
}
