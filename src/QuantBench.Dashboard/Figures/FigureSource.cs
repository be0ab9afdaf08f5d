using System.Collections.Immutable;
using QuantBench.Analysis.Plots;
using QuantBench.Analysis.Tables;
using QuantBench.Dashboard.Drawing;
using QuantBench.Dashboard.Queries;
using QuantBench.Results.Reading;

namespace QuantBench.Dashboard.Figures;

/// <summary>The plots of a run, drawn at most once per version of the store.</summary>
/// <param name="runs">Reads runs.</param>
/// <param name="cache">Keeps what was drawn.</param>
/// <param name="drawing">Draws.</param>
internal sealed class FigureSource(RunQueries runs, StoreCache cache, DrawingQueue drawing)
{
    /// <summary>Every figure that a run has data for; empty when its folder is gone.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="cancellationToken">Stops.</param>
    public Task<ImmutableArray<PlotFigure>> OfRunAsync(string runId, CancellationToken cancellationToken) =>
        cache.GetAsync("figures " + runId, async () =>
        await runs.RecordAsync(runId, cancellationToken) is { } record
            ? await drawing.DrawAsync(() => RunPlots.Draw(RunTableBuilder.Build(record), bothWidths: true,
                runs.FolderOf(runId) is { } folder ? cell => ServedLoad.Read(folder, cell) : null)) : []);

    /// <summary>One figure of a run, or null.</summary>
    public async Task<PlotFigure?> FindAsync(string runId, string figure, CancellationToken cancellationToken) =>
        (await OfRunAsync(runId, cancellationToken)).FirstOrDefault(f => f.Id == figure);
}
