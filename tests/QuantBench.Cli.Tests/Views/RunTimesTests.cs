using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Cli.Views;
using QuantBench.Core.Cells;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.SampleData;
using QuantBench.Runner.Events;

namespace QuantBench.Cli.Tests.Views;

public sealed class RunTimesTests
{
    private static readonly RunInfo s_info = SampleRun.Make().Info;

    private readonly FakeTimeProvider _clock = new();
    private readonly ImmutableArray<Cell> _cells =
    [
        .. Enumerable.Range(1, 10).Select(i => new Cell("m", Variant.Parse("gguf:Q8_0"), new BackendId("llamacpp", "cpu"), "latency",
            CellSettings.Empty.With("prompt", (long)i).With("generate", 0L).With("launches", 1L))),
    ];

    [Fact]
    public void Left_IsKnownBeforeTheFirstCell_FromAnEarlierRun()
    {
        var times = new RunTimes(_clock);

        times.Start(Started(), _cells.ToDictionary(c => c.Id, _ => 12.0));

        Assert.InRange(times.SecondsLeft, 120, 121);
        Assert.InRange(times.Share, 0, 0.01);
    }

    [Fact]
    public void Left_FollowsWhatCellsOfTheKindTake_WithoutHistory()
    {
        var times = new RunTimes(_clock);
        times.Start(Started(), new Dictionary<CellId, double>());
        Assert.InRange(times.SecondsLeft, 100, 200); // ten caps of 13 s

        Run(times, 0, seconds: 40);
        Run(times, 1, seconds: 40);

        Assert.InRange(times.SecondsLeft, 319, 321);
        Assert.InRange(times.Share, 0.19, 0.21);
        times.Take(new RunEvent.CellStarted(2, 10, _cells[2]));
        _clock.Advance(TimeSpan.FromSeconds(100)); // longer than expected: nothing below zero
        Assert.InRange(times.SecondsLeft, 279, 281);
    }

    [Theory]
    [InlineData("off", 11)]
    [InlineData("capacity", 81)]
    public void Left_CountsTheLoadsOfASearch(string search, double seconds)
    {
        var cell = new Cell("m", Variant.Parse("served:m"), new BackendId("remote", "openai@http://127.0.0.1:1"), "serve",
            CellSettings.Empty.With("search", search).With("duration", 10.0).With("warmup", 1.0).With("launches", 1L));
        var times = new RunTimes(_clock);

        times.Start(new RunEvent.RunStarted(s_info, "folder", [cell], 0), new Dictionary<CellId, double>());

        Assert.InRange(times.SecondsLeft, seconds - 0.01, seconds + 0.01);
    }

    [Fact]
    public void Left_CountsLaunchesThatTakeTurns()
    {
        var times = new RunTimes(_clock);
        times.Start(Started(), _cells.ToDictionary(c => c.Id, _ => 30.0));

        for (int launch = 1; launch <= 2; launch++)
        {
            for (int i = 0; i < 10; i++)
            {
                times.Take(new RunEvent.CellStarted(i, 10, _cells[i], launch, 3));
                _clock.Advance(TimeSpan.FromSeconds(10));
            }
        }

        Assert.Equal(0, times.Ended);
        Assert.InRange(times.SecondsLeft, 99, 101);
        Assert.InRange(times.Share, 0.65, 0.68);
    }

    [Fact]
    public void Left_LeavesOutWhatAStoppedRunMeasured()
    {
        var times = new RunTimes(_clock);

        times.Start(Started() with { Before = [.. _cells.Skip(3).Select(c => c.Id)] }, _cells.ToDictionary(c => c.Id, _ => 10.0));

        Assert.Equal(7, times.Ended);
        Assert.InRange(times.SecondsLeft, 30, 31);
        Assert.InRange(times.Share, 0.69, 0.71);
    }

    [Fact]
    public void Share_IsWholeAtTheEndOnly()
    {
        var times = new RunTimes(_clock);
        times.Start(Started(), _cells.ToDictionary(c => c.Id, _ => 1.0));
        for (int i = 0; i < 10; i++)
        {
            Assert.InRange(times.Share, 0, 0.99);
            Run(times, i, seconds: 3);
        }

        Assert.Equal(1, times.Share);
        Assert.Equal(0, times.SecondsLeft);
    }

    [Theory]
    [InlineData(0, "a few seconds left")]
    [InlineData(8, "about 10 s left")]
    [InlineData(56, "about 55 s left")]
    [InlineData(59, "about 1 min left")]
    [InlineData(239, "about 4 min left")]
    [InlineData(3569, "about 59 min left")]
    [InlineData(3600, "about 1 h 00 min left")]
    [InlineData(9000, "about 2 h 30 min left")]
    public void Say_IsRounded(double seconds, string expected) => Assert.Equal(expected, RunTimes.Say(seconds));

    [Fact]
    public void History_IsTheNewestCompletedRunOfSuiteAndMachine()
    {
        RunInfo now = s_info with { Id = "now", Status = RunStatus.Running };
        RunInfo[] runs =
        [
            now, now with { Id = "stopped", Status = RunStatus.Interrupted },
            now with { Id = "other", Suite = "other", Status = RunStatus.Completed },
            now with { Id = "elsewhere", Status = RunStatus.Completed, Fingerprint = now.Fingerprint with { MachineId = "else" } },
            now with { Id = "last", Status = RunStatus.Completed }, now with { Id = "older", Status = RunStatus.Completed },
        ];
        string? read = null;

        IReadOnlyDictionary<CellId, double> history = RunTimes.History(runs, now, info =>
        {
            read = info.Id;
            return [new CellResult { Cell = _cells[0], Status = CellStatus.Ok, Seconds = 7 },
                new CellResult { Cell = _cells[1], Status = CellStatus.Failed, Seconds = 300 }];
        });

        Assert.Equal("last", read);
        Assert.Equal((_cells[0].Id, 7), (Assert.Single(history).Key, history.Values.Single()));
    }

    private RunEvent.RunStarted Started() => new(s_info, "folder", _cells, 0);

    private void Run(RunTimes times, int index, double seconds)
    {
        times.Take(new RunEvent.CellStarted(index, 10, _cells[index]));
        _clock.Advance(TimeSpan.FromSeconds(seconds));
        times.Take(new RunEvent.CellFinished(index, 10, new CellResult { Cell = _cells[index], Status = CellStatus.Ok }));
    }
}
