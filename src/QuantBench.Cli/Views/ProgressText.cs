using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Cli.Views;

/// <summary>The two lines under a run that is being measured: how much is done, and what is being done. What a narrow terminal has no room
/// for is left out from the least telling on; a name is cut only when nothing else is left.</summary>
internal static class ProgressText
{
    private const int LongestBar = 30;
    private const int ShortestBar = 6;

    /// <summary>Bar, share, cells and time left.</summary>
    /// <param name="times">The run.</param>
    /// <param name="share">Share done, 0 to 1.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static string Whole(RunTimes times, double share, int width)
    {
        string percent = string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(share * 100),3:0} %");
        string left = RunTimes.Say(times.SecondsLeft);
        string text = First(width - ShortestBar - 1, $"{percent}  {times.Ended} of {times.Cells} cells  {left}",
            $"{percent}  {times.Ended}/{times.Cells}  {left}", $"{percent}  {left}");
        int bar = Math.Min(LongestBar, width - text.Length - 1);
        if (bar < ShortestBar) return Cut(text, width);
        int full = (int)Math.Round(share * bar);
        return $"{new string('█', full)}{new string('░', bar - full)} {text}";
    }

    /// <summary>A cell and where its worker is.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="launch">Which of its processes, e.g. <c>2 of 3</c>; empty when there is one.</param>
    /// <param name="progress">Where it is; null when it hasn't said yet.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static string Now(Cell cell, string launch, EvaluationProgress? progress, int width)
    {
        string at = progress is { } now ? $": {Units(now)}" : "";
        string all = progress is { } whole ? $": {CellText.Progress(whole)}" : "";
        string process = launch.Length == 0 ? "" : $", process {launch}";
        string brief = WorkloadTable.Of(cell).RunsModel
            ? $"{cell.Variant.ShortName} {cell.Workload} on {cell.Backend}" : CellText.Name(cell);
        string shortest = $"{cell.Variant.ShortName} {cell.Workload}";
        return First(width, $"{CellText.Name(cell)}{process}{all}", $"{CellText.Name(cell)}{process}{at}", $"{brief}{process}{all}",
            $"{brief}{process}{at}", $"{shortest}{process}{at}", $"{shortest}{at}", shortest);
    }

    /// <summary>A preparation and how far it is.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">What is made.</param>
    /// <param name="progress">Where it is; null when it hasn't said yet.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static string Preparing(string model, string name, EvaluationProgress? progress, int width)
    {
        string at = progress is { } now ? $": {Units(now)}" : "";
        return First(width, $"preparing {model} {name}{at}", $"preparing {name}{at}", $"preparing {name}", name);
    }

    /// <summary>The first text that fits, or the last one cut.</summary>
    private static string First(int width, params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            if (text.Length <= width) return text;
        }

        return Cut(texts[^1], width);
    }

    private static string Cut(string text, int width) =>
        text.Length <= width || width < 2 ? text : string.Concat(text.AsSpan(0, width - 1), "…");

    private static string Units(EvaluationProgress progress) => progress.Total > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{progress.Phase} {Math.Min(100, 100.0 * progress.Done / progress.Total):0} %")
        : progress.Phase;
}
