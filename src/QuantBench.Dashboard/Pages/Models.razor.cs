using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;
using QuantBench.Lab.Artifacts;
using QuantBench.Models.Inspection;

namespace QuantBench.Dashboard.Pages;

/// <summary>What artifacts exist, where from, how big?</summary>
public sealed partial class Models
{
    private ImmutableArray<ModelItem> _models = [];
    private ImmutableArray<ArtifactInfo> _artifacts = [];
    private ModelInspection? _inspection;
    private long _bytes;
    private string _lead = "";

    [Inject]
    private ModelQueries Queries { get; set; } = null!;

    [Inject]
    private ArtifactCatalog Artifacts { get; set; } = null!;

    /// <summary>Key of the artifact whose tensors are shown.</summary>
    [SupplyParameterFromQuery(Name = "inspect")]
    public string? Inspect { get; set; }

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _models = await Queries.ListAsync(Left);
        _artifacts = Artifacts.List();
        _inspection = string.IsNullOrEmpty(Inspect) ? null : Artifacts.Inspect(Inspect);
        _bytes = _artifacts.Sum(a => a.Bytes);
        int damaged = _artifacts.Count(a => a.Damage is not null);
        _lead = $"{Words.Count(_models.Length, "model was", "models were")} measured; the registry holds "
            + $"{Words.Count(_artifacts.Length, "artifact", "artifacts")}{(damaged > 0 ? $", {damaged} of them damaged" : "")}.";
    }
}
