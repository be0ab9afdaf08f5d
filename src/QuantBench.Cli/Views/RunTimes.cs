using System.Collections.Immutable;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Core.Workloads;
using QuantBench.Runner.Events;

namespace QuantBench.Cli.Views;

/// <summary>
/// How much of a run is done and how long the rest takes: by how long the same cells took in an earlier run here; where there is none, by
/// the work that their settings plan, corrected by what the cells of the same kind that have ended took. Not safe for several threads.
/// </summary>
/// <param name="clock">The one clock.</param>
internal sealed class RunTimes(TimeProvider clock)
{
    private const double ProcessSeconds = 0.7; // a worker's start and the opening of a small model
    private const double TokensPerSecond = 1500;
    private const double ArtifactSeconds = 3;
    private const double KnownArtifactSeconds = 0.1; // an earlier run made it
    private const double UnknownSeconds = 5;

    private readonly Dictionary<(string Model, string Variant), double> _artifacts = [];
    private readonly Dictionary<(string Model, string Workload), (double Planned, double Taken)> _kinds = [];
    private readonly Dictionary<int, double> _taken = []; // of launches that have ended, by index of the cell
    private ImmutableArray<Cell> _cells = [];
    private IReadOnlyDictionary<CellId, double> _history = ImmutableDictionary<CellId, double>.Empty;
    private HashSet<int> _ended = [];
    private (int Index, int Launches, long Since)? _now;
    private long _preparing;
    private double _spentPreparing;
    private bool _measures;

    /// <summary>Cells in all.</summary>
    public int Cells => _cells.Length;

    /// <summary>Cells that have a result.</summary>
    public int Ended => _ended.Count;

    /// <summary>Share of the work that is done, 0 to 1.</summary>
    public double Share
    {
        get
        {
            double done = _spentPreparing, left = SecondsLeft;
            for (int i = 0; i < _cells.Length; i++)
            {
                if (_ended.Contains(i)) done += Seconds(i);
                else done += Math.Min(_taken.GetValueOrDefault(i), Seconds(i));
            }

            done += NowSeconds;
            return done + left <= 0 ? 0 : Math.Clamp(done / (done + left), 0, _ended.Count == _cells.Length ? 1 : 0.99);
        }
    }

    /// <summary>Seconds that the rest takes.</summary>
    public double SecondsLeft
    {
        get
        {
            double left = _measures ? 0 : _artifacts.Values.Sum();
            for (int i = 0; i < _cells.Length; i++)
            {
                if (_ended.Contains(i)) continue;
                double rest = Seconds(i) - _taken.GetValueOrDefault(i);
                if (_now is { } now && now.Index == i) rest -= NowSeconds;
                left += Math.Max(0, rest);
            }

            return left;
        }
    }

    private double NowSeconds => _now is { } now ? clock.GetElapsedTime(now.Since).TotalSeconds : 0;

    /// <summary>Begins.</summary>
    /// <param name="started">The run and its cells.</param>
    /// <param name="history">Seconds that cells took in an earlier run here.</param>
    public void Start(RunEvent.RunStarted started, IReadOnlyDictionary<CellId, double> history)
    {
        _cells = started.Cells;
        _history = history;
        HashSet<CellId> before = [.. started.Before];
        _ended = [.. Enumerable.Range(0, _cells.Length).Where(i => before.Contains(_cells[i].Id))];
        foreach (Cell cell in _cells.Where(c => !before.Contains(c.Id) && WorkloadTable.Of(c).RunsModel && !c.Variant.IsServed))
            _artifacts[(cell.Model, cell.Variant.Id)] = history.ContainsKey(cell.Id) ? KnownArtifactSeconds : ArtifactSeconds;
    }

    /// <summary>Takes in what happened.</summary>
    public void Take(RunEvent value)
    {
        switch (value)
        {
            case RunEvent.PreparationStarted: _preparing = clock.GetTimestamp(); break;
            case RunEvent.PreparationEnded p: Prepared(p); break;
            case RunEvent.CellStarted c:
                _measures = true;
                EndLaunch();
                _now = (c.Index, c.Launches, clock.GetTimestamp());
                break;
            case RunEvent.CellFinished c: Finished(c.Index); break;
        }
    }

    /// <summary>A time as people say it, e.g. <c>about 4 min left</c>.</summary>
    public static string Say(double seconds)
    {
        long hourly = (long)Math.Round(seconds / 300) * 5; // minutes
        return seconds switch
        {
            < 7.5 => "a few seconds left",
            < 57.5 => $"about {Math.Round(seconds / 5) * 5:0} s left",
            < 3570 => $"about {Math.Max(1, Math.Round(seconds / 60)):0} min left",
            _ => $"about {hourly / 60} h {hourly % 60:00} min left",
        };
    }

    /// <summary>Seconds that cells took in the newest run of a suite on a machine, where that is quickly told.</summary>
    /// <param name="runs">Runs here, newest first.</param>
    /// <param name="info">The run that begins.</param>
    /// <param name="read">Reads the results of one.</param>
    public static IReadOnlyDictionary<CellId, double> History(
        IEnumerable<RunInfo> runs, RunInfo info, Func<RunInfo, IEnumerable<CellResult>> read)
    {
        RunInfo? before = runs.FirstOrDefault(r => r.Suite == info.Suite && r.Id != info.Id && r.Status == RunStatus.Completed
            && r.Fingerprint.MachineId == info.Fingerprint.MachineId);
        return before is null ? ImmutableDictionary<CellId, double>.Empty
            : read(before).Where(c => c.Status == CellStatus.Ok && c.Seconds > 0)
                .GroupBy(c => c.Cell.Id).ToDictionary(g => g.Key, g => g.Last().Seconds);
    }

    private void Prepared(RunEvent.PreparationEnded ended)
    {
        if (_measures) return; // a reference is part of its cell
        _artifacts.Remove((ended.Model, ended.Name));
        if (ended.Cached) return;
        _spentPreparing += clock.GetElapsedTime(_preparing).TotalSeconds;
        // The next takes about as long as this one.
        foreach ((string Model, string Variant) key in _artifacts.Keys.Where(k => k.Model == ended.Model).ToArray())
            _artifacts[key] = ended.Seconds;
    }

    private void EndLaunch()
    {
        if (_now is not { } now) return;
        _taken[now.Index] = _taken.GetValueOrDefault(now.Index) + clock.GetElapsedTime(now.Since).TotalSeconds;
        _now = null;
    }

    private void Finished(int index)
    {
        EndLaunch();
        _ended.Add(index);
        (string, string) kind = (_cells[index].Model, _cells[index].Workload);
        (double planned, double taken) = _kinds.GetValueOrDefault(kind);
        _kinds[kind] = (planned + Planned(_cells[index]), taken + _taken.GetValueOrDefault(index));
    }

    private double Seconds(int index)
    {
        Cell cell = _cells[index];
        if (_history.TryGetValue(cell.Id, out double before)) return before;
        return Planned(cell) * (Factor(k => k == (cell.Model, cell.Workload)) ?? Factor(k => k.Workload == cell.Workload)
            ?? Factor(_ => true) ?? 1);
    }

    private double? Factor(Func<(string Model, string Workload), bool> fits)
    {
        double planned = 0, taken = 0;
        foreach (((string Model, string Workload) kind, (double Planned, double Taken) sum) in _kinds)
        {
            if (!fits(kind)) continue;
            planned += sum.Planned;
            taken += sum.Taken;
        }

        return planned > 0 ? taken / planned : null;
    }

    private static double Planned(Cell cell)
    {
        WorkloadDefinition workload = WorkloadTable.Of(cell);
        double launches = Math.Max(1, Number("launches"));
        if (workload.NeedsServer)
        {
            double loads = cell.Settings.Text("search") == "off" ? 1 : 8;
            return (loads * Number("duration")) + (launches * Number("warmup"));
        }

        if (workload.IsTimed)
        {
            int parts = Math.Max(1, (Number("prompt") > 0 ? 1 : 0) + (Number("generate") > 0 ? 1 : 0));
            return (launches * ProcessSeconds) + (parts * (Number("time_cap") + Number("warmup_cap")));
        }

        if (!workload.NeedsText) return UnknownSeconds;
        double chunks = Number("chunks") is > 0 and var given ? given : 300;
        return ProcessSeconds + (chunks * Number("n_ctx") / TokensPerSecond);

        double Number(string key) => workload.Settings.Contains(key) ? cell.Settings.Number(key) : 0;
    }
}
