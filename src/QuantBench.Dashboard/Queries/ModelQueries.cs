using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Runs;
using QuantBench.Lab.Artifacts;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Queries;

/// <summary>A model that was measured.</summary>
/// <param name="Id">Its id in suites.</param>
/// <param name="Variants">Variants measured.</param>
/// <param name="Runs">Runs with it.</param>
/// <param name="LastRun">The newest of them.</param>
internal sealed record ModelItem(string Id, int Variants, int Runs, string LastRun);

/// <summary>A variant of a model as last measured.</summary>
/// <param name="Variant">The variant.</param>
/// <param name="Bytes">Size of its artifact.</param>
/// <param name="BitsPerWeight">Measured bits per weight.</param>
/// <param name="Artifact">Its entry in this machine's registry; null when it was built elsewhere or removed.</param>
/// <param name="Sha256">Hash of the artifact that was measured.</param>
internal sealed record VariantItem(Variant Variant, double? Bytes, double? BitsPerWeight, ArtifactInfo? Artifact, string? Sha256)
{
    /// <summary>Precision class.</summary>
    public required PrecisionClass Class { get; init; }
}

/// <summary>Models, from runs and from the registry.</summary>
/// <param name="stored">What the store has.</param>
/// <param name="runs">Reads runs.</param>
/// <param name="artifacts">The registry.</param>
/// <param name="cache">What stays true until the store changes.</param>
internal sealed class ModelQueries(StoredRuns stored, RunQueries runs, ArtifactCatalog artifacts, StoreCache cache)
{
    private const int MostRuns = 5;

    /// <summary>All models by name.</summary>
    public Task<ImmutableArray<ModelItem>> ListAsync(CancellationToken cancellationToken) => cache.GetAsync("models", async () =>
    {
        var models = await stored.ModelsAsync(cancellationToken);
        return models.Select(m => new ModelItem(m.Model, m.Variants, m.Runs, m.LastRun)).ToImmutableArray();
    });

    /// <summary>The variants of a model as its newest runs measured them, by precision and size.</summary>
    /// <param name="model">Model id.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ImmutableArray<VariantItem>> VariantsAsync(string model, CancellationToken cancellationToken)
    {
        ImmutableArray<ArtifactInfo> here = artifacts.List();
        Dictionary<string, VariantItem> items = [];
        foreach (string id in await stored.NewestAsync(model, completed: false, MostRuns, cancellationToken))
        {
            if (await runs.FindAsync(id, cancellationToken) is not { } run) continue;
            foreach (IGrouping<string, CellView> cells in run.Cells.Where(c => c.Result.Cell.Model == model)
                .GroupBy(c => c.Result.Cell.Variant.Id))
            {
                string? sha = cells.Select(c => c.Result.Provenance.GetValueOrDefault("artifact_sha256"))
                    .FirstOrDefault(s => s is { Length: > 0 });
                double? Figure(MetricDefinition metric) =>
                    cells.Select(c => c[metric.Name]?.Value).FirstOrDefault(v => v is { } x && double.IsFinite(x));
                var item = new VariantItem(
                    cells.First().Result.Cell.Variant, Figure(MetricTable.ArtifactSize), Figure(MetricTable.BitsPerWeight),
                    here.FirstOrDefault(a => a.Sha256 == sha && sha is not null), sha)
                {
                    Class = CellResult.ClassOf(cells.First().Result.Cell.Variant, cells.Select(c => c.Result)),
                };
                if (item.Bytes is not null) items.TryAdd(cells.Key, item);
            }
        }

        return [.. items.Values.OrderBy(v => v.Class).ThenBy(v => v.BitsPerWeight ?? v.Variant.Scheme.NominalBits)];
    }
}
