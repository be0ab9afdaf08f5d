using System.Collections.Immutable;
using QuantBench.Lab.Agents.Edge;
using QuantBench.TestKit;

namespace QuantBench.Lab.Tests.Agents.Edge;

/// <summary>When a machine takes itself out of the lab's work, and when it comes back.</summary>
public sealed class FitnessCheckTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly AgentJournal _journal;
    private double? _foreign;
    private double _throttles;
    private double _speed = 100;

    public FitnessCheckTests() => _journal = AgentJournal.Open(_directory.Path);

    public void Dispose()
    {
        _journal.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void ForeignLoad_CountsWhenItStays_AndIsOverBehindTwoProbes()
    {
        FitnessCheck check = New();
        Assert.Null(check.Look());
        _foreign = 0.5;
        Assert.Null(check.Look()); // a moment's
        _foreign = 0.1;
        Assert.Null(check.Look());
        _foreign = 0.5;
        check.Look();

        Assert.Equal("other programs keep 50 % of its processors busy", check.Look());
        _foreign = 0.1;
        Assert.NotNull(check.Look());
        Assert.Null(check.Look());
    }

    [Fact]
    public void Throttling_DuringAJob_CountsAtOnce_AndWhatTheJobItselfKeptBusyDoesNot()
    {
        FitnessCheck check = New();
        Assert.Null(check.Look());
        (_throttles, _foreign) = (3, 1);
        check.Reset();
        _foreign = null;

        Assert.Equal("throttled for heat 3 times", check.Look());
        Assert.Null(check.Look());
        _foreign = 1;
        check.Reset();
        _foreign = 0;
        Assert.Null(check.Look());
    }

    [Fact]
    public void SlowClocks_AreKnownFromWhatIsUsual_AlsoAfterARestart_AndNeverBecomeUsual()
    {
        FitnessCheck check = New();
        for (int i = 0; i < 5; i++) check.Look();
        _speed = 50;
        Assert.Null(check.Look()); // too little is known
        Assert.Null(check.Look());
        _speed = 100;
        for (int i = 0; i < 10; i++) check.Look();

        check = New();
        _speed = 70;
        check.Look();
        for (int i = 0; i < 200; i++) Assert.Equal("it computes at 70 % of its usual speed", check.Look());
        _speed = 95;
        check.Look();
        Assert.Null(check.Look());
    }

    private FitnessCheck New() => new(
        () => _foreign is { } share
            ? ImmutableSortedDictionary<string, double>.Empty.Add("other_cpu_share", share).Add("throttle_count", _throttles)
            : ImmutableSortedDictionary<string, double>.Empty.Add("throttle_count", _throttles),
        () => _speed, _journal);
}
