using System.Collections.Immutable;
using Microsoft.EntityFrameworkCore;
using QuantBench.Core.Variants;
using QuantBench.Lab.Artifacts;
using QuantBench.Results.Store;

namespace QuantBench.Dashboard.Queries;

/// <summary>A model that was measured.</summary>
/// <param name="Id">Its id in suites.</param>
/// <param name="Variants">Variants measured.</param>
/// <param name="Runs">Runs with it.</param>
/// <param name="LastRun">The newest of them.</param>
public sealed record ModelItem(string Id, int Variants, int Runs, string LastRun);

/// <summary>A variant of a model as last measured.</summary>
/// <param name="Variant">The variant.</param>
/// <param name="Bytes">Size of its artifact.</param>
/// <param name="BitsPerWeight">Measured bits per weight.</param>
/// <param name="Artifact">Its entry in this machine's registry; null when it was built elsewhere or removed.</param>
/// <param name="Sha256">Hash of the artifact that was measured.</param>
public sealed record VariantItem(Variant Variant, double? Bytes, double? BitsPerWeight, ArtifactInfo? Artifact, string? Sha256);

/// <summary>Models, from runs and from the registry.</summary>
/// <param name="store">The store.</param>
/// <param name="runs">Reads runs.</param>
/// <param name="artifacts">The registry.</param>
/// <param name="cache">What stays true until the store changes.</param>
public sealed class ModelQueries(ResultStore store, RunQueries runs, ArtifactCatalog artifacts, StoreCache cache)
{
    /// <summary>All models by name.</summary>
    public Task<ImmutableArray<ModelItem>> ListAsync(CancellationToken cancellationToken) => cache.GetAsync("models", async () =>
    {
        await using StoreContext context = store.OpenContext();
        // Each is answered by an index alone, without the cells.
        var measured =
            await context.Cells.Select(c => new { c.Model, c.RunId }).Distinct().GroupBy(c => c.Model)
                .Select(g => new { Model = g.Key, Count = g.Count() }).OrderBy(g => g.Model).ToArrayAsync(cancellationToken);
        var variants =
            await context.Cells.Select(c => new { c.Model, c.Variant }).Distinct().GroupBy(c => c.Model)
                .Select(g => new { Model = g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Model, g => g.Count, cancellationToken);
        var items = ImmutableArray.CreateBuilder<ModelItem>();
        foreach (var model in measured)
        {
            string last =
                await context.Runs.Where(r => context.Cells.Any(c => c.RunId == r.Id && c.Model == model.Model))
                    .OrderByDescending(r => r.StartedMs).Select(r => r.Id).FirstAsync(cancellationToken);
            items.Add(new ModelItem(model.Model, variants.GetValueOrDefault(model.Model), model.Count, last));
        }

        return items.ToImmutable();
    });

    /// <summary>The variants of a model as its newest runs measured them, by precision and size.</summary>
    /// <param name="model">Model id.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task<ImmutableArray<VariantItem>> VariantsAsync(string model, CancellationToken cancellationToken)
    {
        string[] recent;
        await using (StoreContext context = store.OpenContext())
        {
            recent =
                await context.Runs.Where(r => context.Cells.Any(c => c.RunId == r.Id && c.Model == model))
                    .OrderByDescending(r => r.StartedMs).Take(5).Select(r => r.Id).ToArrayAsync(cancellationToken);
        }

        ImmutableArray<ArtifactInfo> here = artifacts.List();
        Dictionary<string, VariantItem> items = [];
        foreach (string id in recent)
        {
            if (await runs.FindAsync(id, cancellationToken) is not { } run) continue;
            foreach (IGrouping<string, CellView> cells in run.Cells.Where(c => c.Result.Cell.Model == model)
                .GroupBy(c => c.Result.Cell.Variant.Id))
            {
                string? sha = cells.Select(c => c.Result.Provenance.GetValueOrDefault("artifact_sha256"))
                    .FirstOrDefault(s => s is { Length: > 0 });
                double? Figure(string metric) => cells.Select(c => c[metric]?.Value).FirstOrDefault(v => v is { } x && double.IsFinite(x));
                var item = new VariantItem(cells.First().Result.Cell.Variant, Figure("artifact_size"), Figure("bits_per_weight"),
                    here.FirstOrDefault(a => a.Sha256 == sha && sha is not null), sha);
                if (item.Bytes is not null) items.TryAdd(cells.Key, item);
            }
        }

        return [.. items.Values.OrderBy(v => v.Variant.Scheme.PrecisionClass).ThenBy(v => v.BitsPerWeight ?? v.Variant.Scheme.NominalBits)];
    }
}
