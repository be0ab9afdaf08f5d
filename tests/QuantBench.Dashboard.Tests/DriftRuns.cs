using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Dashboard.Tests;

/// <summary>Nightly runs of two machines: one slows down half-way, the other holds its level.</summary>
internal static class DriftRuns
{
    public const string SlowMachine = "4a5b6c7d8e9f0a1b";
    public const string SteadyMachine = "0f1e2d3c4b5a6978";
    public const int Nights = 11;
    public const int FirstSlowNight = 6;

    /// <summary>Id of a night's run; each machine's suffix differs.</summary>
    public static string Id(int night, string machine) =>
        $"202611{night + 1:00}-031000-nightly-{(machine == SlowMachine ? "51" : "57")}{night:00}";

    /// <summary>The runs, oldest first.</summary>
    /// <param name="first">When the first one started; the first of November 2026 unless told otherwise.</param>
    public static IEnumerable<RunRecord> Make(DateTimeOffset? first = null)
    {
        for (int night = 0; night < Nights; night++)
        {
            foreach (string machine in (string[])[SlowMachine, SteadyMachine])
            {
                double speed = machine == SteadyMachine ? 0.4 : night < FirstSlowNight ? 1 : 0.8;
                RunRecord sample = SampleRun.Make(Id(night, machine), speed, seed: 100 + night);
                CellResult[] cells = [
                    .. sample.Cells.Where(c => c.Cell.Workload == "latency" && c.Cell.Variant.ShortName is "Q4_0" or "Q8_0")];
                DateTimeOffset started = (first ?? new DateTimeOffset(2026, 11, 1, 3, 10, 0, TimeSpan.Zero)).AddDays(night);
                yield return sample with
                {
                    Info = sample.Info with
                    {
                        Suite = "nightly",
                        Started = started,
                        Finished = started.AddMinutes(2),
                        CellCount = cells.Length,
                        Fingerprint = sample.Info.Fingerprint
                            with
                        {
                            MachineId = machine,
                            Host = machine == SlowMachine ? "bench-01" : "bench-02",
                            Governor = night < FirstSlowNight ? "performance" : "powersave"
                        },
                    },
                    Cells = [.. cells],
                };
            }
        }
    }

    /// <summary>Writes runs as the runner does.</summary>
    public static void Record(string results, IEnumerable<RunRecord> runs)
    {
        foreach (RunRecord run in runs)
        {
            using RunFolder folder = RunFolder.Create(results, run.Info with { Status = RunStatus.Running });
            foreach (CellResult cell in run.Cells) folder.Append(cell);
            folder.Update(run.Info);
        }
    }
}
