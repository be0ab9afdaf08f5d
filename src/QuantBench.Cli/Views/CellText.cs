using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Cli.Views;

/// <summary>Cells in a line of text.</summary>
internal static class CellText
{
    /// <summary>A cell's name with the settings that set it apart.</summary>
    public static string Name(Cell cell)
    {
        WorkloadDefinition workload = WorkloadTable.Of(cell);
        string label = workload.Label(cell.Settings);
        if (!workload.RunsModel) return $"{cell.Variant.ShortName} {label} {cell.Backend}";
        return label.Length > 0 ? $"{cell.Title} ({label})" : cell.Title;
    }

    /// <summary>How a cell ended: its key figures, or why it has none.</summary>
    public static string Outcome(CellResult result)
    {
        if (result.Status != CellStatus.Ok) return $"{result.Status.ToString().ToLowerInvariant()}: {result.Reason}";
        Measurement[] figures = [.. WorkloadTable.Of(result.Cell).Leads.Select(result.Metric).OfType<Measurement>()];
        if (figures.Length == 0) figures = [.. result.Metrics.Take(1)];
        string mark = result.HasMeaninglessQuality ? $" ({CellResult.MeaninglessQuality})" : "";
        return figures.Length == 0 ? "ok"
            : string.Join(", ", figures.Select(Figure)) + mark;

        static string Figure(Measurement m) =>
            $"{MetricTable.Find(m.Name)?.Title ?? m.Name} {Format.Value(m)}"
                + (m.Caveat is { } caveat ? $" ({caveat})" : "");
    }

    /// <summary>Where a worker is.</summary>
    public static string Progress(EvaluationProgress progress)
    {
        string units = progress.Total > 0 ? $" {progress.Done}/{progress.Total}" : "";
        return progress.Detail.Length > 0 ? $"{progress.Phase}{units} {progress.Detail}" : progress.Phase + units;
    }
}
