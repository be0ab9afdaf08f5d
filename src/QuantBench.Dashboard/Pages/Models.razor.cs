using System.Collections.Immutable;
using Microsoft.AspNetCore.Components;
using QuantBench.Dashboard.Queries;
using QuantBench.Dashboard.Text;
using QuantBench.Lab.Artifacts;

namespace QuantBench.Dashboard.Pages;

/// <summary>What artifacts exist, where from, how big?</summary>
public sealed partial class Models
{
    private ImmutableArray<ModelItem> _models = [];
    private ImmutableArray<ArtifactInfo> _artifacts = [];
    private long _bytes;
    private string _lead = "";

    [Inject]
    private ModelQueries Queries { get; set; } = null!;

    [Inject]
    private ArtifactCatalog Artifacts { get; set; } = null!;

    /// <inheritdoc/>
    protected override async Task LoadAsync()
    {
        _models = await Queries.ListAsync(Left);
        _artifacts = Artifacts.List();
        _bytes = _artifacts.Sum(a => a.Bytes);
        int damaged = _artifacts.Count(a => a.Damage is not null);
        _lead = $"{Words.Count(_models.Length, "model was", "models were")} measured; the registry holds "
            + $"{Words.Count(_artifacts.Length, "artifact", "artifacts")}{(damaged > 0 ? $", {damaged} of them damaged" : "")}.";
    }
}
