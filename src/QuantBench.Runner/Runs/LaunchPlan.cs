using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Workloads;

namespace QuantBench.Runner.Runs;

/// <summary>
/// In which order cells are launched. A timed cell is measured by several worker processes; those of neighbouring cells take turns
/// (A B C, A B C, A B C), so that a machine that drifts moves all of them alike.
/// </summary>
internal static class LaunchPlan
{
    // More would be recorded late, and be far apart.
    private const int LargestGroup = 12;

    /// <summary>Worker processes of a cell; never more than its least repetitions, each of which needs one.</summary>
    public static int Launches(Cell cell) => WorkloadTable.Of(cell) is { IsTimed: true }
        ? (int)Math.Max(1, Math.Min(cell.Settings.Int("launches"), cell.Settings.Int("repetitions"))) : 1;

    /// <summary>Every launch in order.</summary>
    /// <param name="cells">The cells in the matrix's order.</param>
    /// <returns>Index of the cell and number of the launch, from 1.</returns>
    public static IEnumerable<(int Index, int Launch)> Order(ImmutableArray<Cell> cells)
    {
        for (int start = 0; start < cells.Length;)
        {
            int end = start + 1;
            while (end < cells.Length && end - start < LargestGroup && Belong(cells[start], cells[end])) end++;
            int rounds = Enumerable.Range(start, end - start).Max(i => Launches(cells[i]));
            for (int launch = 1; launch <= rounds; launch++)
            {
                for (int i = start; i < end; i++)
                {
                    if (launch <= Launches(cells[i])) yield return (i, launch);
                }
            }

            start = end;
        }
    }

    private static bool Belong(Cell a, Cell b) => a.Model == b.Model && a.Workload == b.Workload && Launches(a) > 1 && Launches(b) > 1
        && (a.Backend == b.Backend || !WorkloadTable.Of(a).RunsModel);
}
