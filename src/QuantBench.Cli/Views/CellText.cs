using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Cli.Views;

/// <summary>Cells in a line of text.</summary>
internal static class CellText
{
    private static readonly Dictionary<string, string[]> s_keyFigures = new()
    {
        ["perplexity"] = ["perplexity"],
        ["divergence"] = ["kl_mean", "same_top"],
        ["latency"] = ["pp_tps", "tg_tps"],
        ["load"] = ["load_time", "rss_loaded"],
        ["kernel"] = ["kernel_bandwidth", "kernel_bandwidth_share", "kernel_flops"],
        ["onnx-latency"] = ["run_latency", "output_error"],
    };

    /// <summary>A cell's name with the settings that set it apart.</summary>
    public static string Name(Cell cell)
    {
        if (cell.Workload == "kernel")
        {
            string tokens = cell.Settings.Has("tokens") ? $" x {cell.Settings.Int("tokens")}" : "";
            return $"{cell.Variant.ShortName} {cell.Settings.Text("op")} {cell.Settings.Text("shape")}{tokens} {cell.Backend}";
        }

        string[] keys = cell.Workload == "latency" ? ["prompt", "generate", "depth"] : [];
        string settings = string.Join(' ', keys.Where(k => cell.Settings.Int(k) > 0).Select(k => $"{k} {cell.Settings.Int(k)}"));
        return settings.Length > 0 ? $"{cell.Title} ({settings})" : cell.Title;
    }

    /// <summary>How a cell ended: its key figures, or why it has none.</summary>
    public static string Outcome(CellResult result)
    {
        if (result.Status != CellStatus.Ok) return $"{result.Status.ToString().ToLowerInvariant()}: {result.Reason}";
        Measurement[] figures = [.. s_keyFigures.GetValueOrDefault(result.Cell.Workload, []).Select(result.Metric).OfType<Measurement>()];
        if (figures.Length == 0) figures = [.. result.Metrics.Take(1)];
        string mark = result.HasMeaninglessQuality ? $" ({CellResult.MeaninglessQuality})" : "";
        return figures.Length == 0 ? "ok"
            : string.Join(", ", figures.Select(m => $"{MetricTable.Find(m.Name)?.Title ?? m.Name} {Format.Value(m)}")) + mark;
    }

    /// <summary>Where a worker is.</summary>
    public static string Progress(EvaluationProgress progress)
    {
        string units = progress.Total > 0 ? $" {progress.Done}/{progress.Total}" : "";
        return progress.Detail.Length > 0 ? $"{progress.Phase}{units} {progress.Detail}" : progress.Phase + units;
    }
}
