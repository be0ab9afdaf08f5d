using System.Text.Json;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Errors;
using QuantBench.Core.Runs;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Exchange;

/// <summary>Runs that come cell by cell.</summary>
public sealed class RunReceiverTests : IDisposable
{
    private readonly TemporaryFolder _here = new();
    private readonly RunRecord _sample = SampleRun.Make();
    private readonly RunReceiver _receiver;

    public RunReceiverTests() => _receiver = new RunReceiver(_here.Path);

    public void Dispose() => _here.Dispose();

    [Fact]
    public void Take_EveryMessageTwiceAndInAnyOrder_GivesTheRunAsItWasMeasured()
    {
        string running = Text(_sample.Info with { Status = RunStatus.Running, Finished = null });
        string whole = Text(_sample.Info with { Status = RunStatus.Completed, Finished = _sample.Info.Started.AddHours(1) });
        (string, string?)[] lines = [.. _sample.Cells.Select(c => (Line(c), (string?)"a log\n"))];

        _receiver.Take(running, [], aside: false);
        Assert.Equal(1, _receiver.Take(running, [lines[0]], aside: false).Taken);
        Assert.Equal(0, _receiver.Take(running, [lines[0]], aside: false).Taken);
        Received last = _receiver.Take(whole, lines, aside: false);
        Assert.Equal((lines.Length - 1, lines.Length), (last.Taken, last.Cells));
        Assert.Equal(0, _receiver.Take(running, lines, aside: false).Taken); // an old message that comes late

        RunRecord here = RunFolder.ReadRecord(last.Path);
        Assert.Equal(RunStatus.Completed, here.Info.Status);
        Assert.Equal(_sample.Cells.Select(c => Line(c)), here.Cells.Select(c => Line(c)));
        Assert.True(RunFolder.IsImported(last.Path));
        Assert.Equal("a log\n", File.ReadAllText(Path.Combine(last.Path, "logs", $"{_sample.Cells[0].Cell.Id}.log")));
    }

    [Fact]
    public void Take_OfACellMeasuredAgain_KeepsTheLaterOne_WhateverComesTwice()
    {
        CellResult later = _sample.Cells[0] with { Started = _sample.Cells[0].Started.AddMinutes(5) };
        string run = Text(_sample.Info);

        _receiver.Take(run, [(Line(_sample.Cells[0]), null), (Line(later), null)], aside: false);
        Received again = _receiver.Take(run, [(Line(_sample.Cells[0]), null)], aside: false);

        Assert.Equal(0, again.Taken);
        Assert.Equal(Line(later), Line(Assert.Single(RunFolder.ReadRecord(again.Path).Cells)));
    }

    [Fact]
    public void Take_Aside_KeepsTheRunOutOfTheResults_AndMovesWhatWasThere()
    {
        string run = Text(_sample.Info);
        _receiver.Take(run, [(Line(_sample.Cells[0]), null)], aside: false);

        Received late = _receiver.Take(run, [(Line(_sample.Cells[1]), null)], aside: true);

        Assert.Equal(2, late.Cells);
        Assert.Equal(_here[Path.Combine(RunReceiver.Aside, _sample.Info.Id)], late.Path);
        Assert.Empty(new RunCatalog(_here.Path).List());
        Assert.NotNull(_receiver.Move(_sample.Info.Id, aside: false));
        Assert.Null(_receiver.Move(_sample.Info.Id, aside: false));
        Assert.Single(new RunCatalog(_here.Path).List());
    }

    [Fact]
    public void Take_RefusesARunThatWasMadeHere_OrIsAnotherOne()
    {
        using (RunFolder.Create(_here.Path, _sample.Info))
        {
            // A server's own run.
        }

        Assert.Throws<StoreException>(() => _receiver.Take(Text(_sample.Info), [(Line(_sample.Cells[0]), null)], aside: false));
        Assert.Throws<StoreException>(() => _receiver.Move(_sample.Info.Id, aside: true));
        Directory.Delete(_here[_sample.Info.Id], recursive: true);
        _receiver.Take(Text(_sample.Info), [], aside: false);
        Assert.Throws<StoreException>(() => _receiver.Take(Text(_sample.Info with { Started = _sample.Info.Started.AddSeconds(1) }), [],
            aside: false));
    }

    [Theory]
    [InlineData("../../evil")]
    [InlineData("latest")]
    public void Take_RefusesIdsThatNoRunIsGiven(string id) =>
        Assert.Throws<StoreException>(() => _receiver.Take(Text(_sample.Info with { Id = id }), [], aside: false));

    [Fact]
    public void Take_RefusesWhatIsNotPlausible_AndTakesNothingOfIt()
    {
        CellResult ahead = _sample.Cells[0] with { Started = TimeProvider.System.GetUtcNow().AddDays(30) };

        Assert.Throws<StoreException>(() => _receiver.Take(Text(_sample.Info), [(Line(_sample.Cells[1]), null), (Line(ahead), null)],
            false));
        Assert.Throws<StoreException>(() => _receiver.Take(Text(_sample.Info), [("{}", null)], false));

        Assert.Empty(Directory.GetFileSystemEntries(_here.Path));
    }

    private static string Text(RunInfo info) => JsonSerializer.Serialize(info, Json.Line);

    private static string Line(CellResult cell) => JsonSerializer.Serialize(cell, Json.Line);
}
