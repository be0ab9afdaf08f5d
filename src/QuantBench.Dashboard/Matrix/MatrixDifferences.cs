using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Formatting;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Core.Variants;
using QuantBench.Dashboard.Text;

namespace QuantBench.Dashboard.Matrix;

/// <summary>
/// A matrix as differences: every figure is held against the baseline variant's on the same backend. The verdicts are those of comparisons,
/// corrected for the cells that are looked at; only a difference that is shown has a tone, what isn't shown keeps the middle one whatever
/// its estimate.
/// </summary>
internal static class MatrixDifferences
{
    /// <summary>Number of tones: five for worse, one for what isn't shown to differ, five for better.</summary>
    public const int Steps = 11;

    /// <summary>The tone of what isn't shown to differ.</summary>
    public const int Middle = Steps / 2;

    private const double FalseDiscoveryRate = 0.05;

    /// <summary>Turns a matrix of figures into one of differences.</summary>
    /// <param name="view">The figures.</param>
    /// <param name="baseline">What they are held against.</param>
    /// <param name="results">The run's cells; with raw samples the tests are sharper.</param>
    /// <returns>The differences, or <paramref name="view"/> when the baseline has no row in it.</returns>
    public static MatrixView Against(MatrixView view, Variant baseline, IEnumerable<CellResult> results)
    {
        if (RowOf(view, baseline) is not { } baseRow) return view;
        Dictionary<string, MetricComparison> compared = Compare(view, baseline, results);
        double reach = Reach(compared.Values);
        MatrixGroup[] groups = [.. view.Groups.Select(g => g with { Rows = [.. g.Rows.Select(Row)] })];
        return view
            with
        {
            Groups = [.. groups],
            Baseline = baseline.Id,
            Finding = Finding(view, baseline, [.. compared.Values]),
            PerColumn = false
        };

        MatrixRow Row(MatrixRow row) =>
            row with { Cells = [.. row.Cells.Select((cell, i) => ReferenceEquals(row, baseRow) ? Base(cell) : CellOf(cell, i))] };

        MatrixCell CellOf(MatrixCell cell, int column)
        {
            if (cell.Kind != MatrixCellKind.Value) return cell;
            if (!compared.TryGetValue(cell.CellId ?? "", out MetricComparison? row))
                return cell
                    with
                {
                    Kind = MatrixCellKind.Other,
                    Text = Format.Missing,
                    Name = $"{cell.Name}; {baseline.Id} has no figure on this backend",
                    Reference = false,
                    Capped = false
                };
            string ends = Words.Ends(row);
            return cell with
            {
                Text = Words.Difference(row),
                Step = Step(row, reach),
                Name = $"{cell.Name}; {Words.Difference(row)}{(ends.Length > 0 ? $" ({ends})" : "")} against {baseline.Id}: "
                    + $"{ComparisonText.Word(row.Verdict)}",
                Reference = false,
            };
        }
    }

    /// <summary>Every figure of a matrix that can be held against the baseline's, by the id of its cell; empty when the baseline has no
    /// row.</summary>
    internal static Dictionary<string, MetricComparison> Compare(MatrixView view, Variant baseline, IEnumerable<CellResult> results)
    {
        if (RowOf(view, baseline) is not { } baseRow) return [];
        var measured = new Dictionary<string, CellResult>();
        foreach (CellResult result in results) measured[result.Cell.Id.Value] = result;
        return Judge(view, baseRow, measured);
    }

    /// <summary>Tone of a difference: worse below the middle, better above, as far as the largest that are shown.</summary>
    internal static int Step(MetricComparison row, double reach)
    {
        if (row.Verdict is not (Verdict.Better or Verdict.Worse) || reach <= 0) return Middle;
        int away = Math.Clamp((int)Math.Ceiling(Size(row) / reach * Middle), 1, Middle);
        return row.Verdict == Verdict.Better ? Middle + away : Middle - away;
    }

    private static MatrixRow? RowOf(MatrixView view, Variant baseline) =>
        view.Groups.SelectMany(g => g.Rows).FirstOrDefault(r => r.Variant == baseline);

    // The base itself keeps its figures: what all others are differences to.
    private static MatrixCell Base(MatrixCell cell) =>
        cell.Kind == MatrixCellKind.Value
            ? cell with { Step = Middle, Reference = true, Name = cell.Name + ", the base of the differences" } : cell;

    private static Dictionary<string, MetricComparison> Judge(MatrixView view, MatrixRow baseRow, Dictionary<string, CellResult> measured)
    {
        var found = new Dictionary<string, MetricComparison>();
        foreach (MatrixRow row in view.Groups.SelectMany(g => g.Rows).Where(r => !ReferenceEquals(r, baseRow)))
        {
            for (int i = 0; i < row.Cells.Length; i++)
            {
                if (row.Cells[i] is not { Kind: MatrixCellKind.Value, CellId: { } id }
                    || baseRow.Cells[i] is not { Kind: MatrixCellKind.Value, CellId: { } baseId }) continue;
                if (Figure(id) is not { } b || Figure(baseId) is not { } a) continue;
                bool meaningless = view.Metric.Kind == MetricKind.Quality
                    && (measured[id].HasMeaninglessQuality || measured[baseId].HasMeaninglessQuality);
                var plain = new MetricComparison
                {
                    Cell = row.Cells[i].Name,
                    Metric = view.Metric,
                    A = a,
                    B = b,
                    Verdict = Verdict.NotComparable,
                    Note = ""
                };
                // One run on one machine: nothing keeps its timings from being compared.
                found[id] = meaningless ? plain with { Note = CellResult.MeaninglessQuality } : FigureComparer.Compare(plain, []);
            }
        }

        double[] adjusted = MultipleComparisons.BenjaminiHochberg([.. found.Values.Select(r => r.PValue).OfType<double>()]);
        int next = 0;
        foreach ((string id, MetricComparison row) in found.ToArray())
        {
            if (row.PValue is null) continue;
            double p = adjusted[next++];
            found[id] = row with { AdjustedP = p, Verdict = p < FalseDiscoveryRate ? row.Verdict : Verdict.NotToldApart };
        }

        return found;

        Measurement? Figure(string id) => measured.TryGetValue(id, out CellResult? result) ? result.Metric(view.Metric.Name) : null;
    }

    // The 95th percentile, so that one broken variant doesn't make all others pale.
    private static double Reach(IEnumerable<MetricComparison> rows)
    {
        double[] sizes = [.. rows.Where(r => r.Verdict is Verdict.Better or Verdict.Worse).Select(Size).Where(double.IsFinite).Order()];
        return sizes.Length == 0 ? 0 : sizes[(int)((sizes.Length - 1) * 0.95)];
    }

    // Twice and half weigh alike.
    private static double Size(MetricComparison row) =>
        row.Difference is not { } d ? 0 : row.Absolute ? Math.Abs(d) : d > -1 ? Math.Abs(Math.Log(1 + d)) : double.PositiveInfinity;

    private static string Finding(MatrixView view, Variant baseline, MetricComparison[] rows)
    {
        if (rows.Length == 0) return $"Nothing has a figure beside {baseline.Id} on the same backend.";
        int Count(Verdict verdict) => rows.Count(r => r.Verdict == verdict);
        IEnumerable<string> counts = Enum.GetValues<Verdict>().Where(v => Count(v) > 0).Select(v => $"{Count(v)} {ComparisonText.Word(v)}");
        return $"{view.Metric.Title} against {baseline.Id} on the same backend: of {rows.Length} cells {string.Join(", ", counts)}.";
    }
}
