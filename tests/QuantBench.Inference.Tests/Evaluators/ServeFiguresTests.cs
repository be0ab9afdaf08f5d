using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Traffic;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Tests.Traffic;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Tests.Evaluators;

public sealed class ServeFiguresTests
{
    // One request every 10 ms from 0 to 10 s; first token after 5 + i % 100 ms, then two more, 2 and 4 ms apart.
    private static readonly RequestRecord[] s_steady = [.. Enumerable.Range(0, 1000).Select(i => Steady(i))];

    [Fact]
    public void Measurements_AreThoseOfTheMeasuredTime()
    {
        TrafficLog log = MadeLog.Of(s_steady, 1000, 9000);

        Dictionary<string, Measurement> figures = Figures(log, "ttft_p99 54.5ms");

        Assert.Equal(54.5, figures["serve_ttft"].Value, 6); // median of 5 … 104
        Assert.Equal(103.01, figures["serve_ttft_tail"].Value, 1);
        Assert.True(figures["serve_ttft_tail"].Ci95 is [var low, var high] && low < 103.01 && high > 103);
        Assert.Equal(3, figures["serve_itl"].Value, 6); // 2 and 4
        Assert.Equal(3, figures["serve_tpot"].Value, 6);
        Assert.Equal(1000 / 3.0, figures["request_tps"].Value, 6);
        Assert.Equal(60.5, figures["serve_e2e"].Value, 6);
        Assert.Equal(50, figures["goodput"].Value, 6); // half of 100 a second
        Assert.InRange(figures["requests_per_second"].Value, 99.5, 100.5);
        Assert.InRange(figures["serve_tps"].Value, 299, 301);
        Assert.Equal(0, figures["error_share"].Value);
        Assert.DoesNotContain("serve_answer", figures.Keys); // nobody reasoned
    }

    [Fact]
    public void Measurements_LeaveOutSpansInWhichTheGeneratorStoodStill()
    {
        // Every reply of the second second came 400 ms late, by the client's own fault.
        RequestRecord[] requests = [.. s_steady.Select((r, i) => i is >= 100 and < 200 ? Steady(i, late: 400) : r)];
        TrafficLog seen = MadeLog.Of(requests, 0, 10_000);
        TrafficLog told = MadeLog.Of(requests, 0, 10_000, (1000, 2600));

        Assert.True(Figures(seen, null)["serve_ttft_tail"].Value > 400);
        Assert.Equal(103.01, Figures(told, null)["serve_ttft_tail"].Value, 1);
    }

    [Fact]
    public void Measurements_HaveNoTail_WithTooFewObservations()
    {
        var notes = new List<string>();
        Measurement[] few = [.. new ServeFigures(MadeLog.Of(s_steady, 0, 6610), null, 1).Measurements(notes)]; // 661

        Assert.DoesNotContain(few, m => m.Name == "serve_ttft_tail");
        Assert.Contains(notes, n => n.StartsWith("serve_ttft_tail: 661 ", StringComparison.Ordinal));
    }

    [Fact]
    public void Measurements_SayWhatTheServerCountsOtherwise()
    {
        RequestRecord[] requests = [.. s_steady.Take(100)];
        foreach (RequestRecord r in requests) r.Usage = new ServerUsage(10, 4, 6, null);
        var notes = new List<string>();

        Measurement[] figures = [.. new ServeFigures(MadeLog.Of(requests, 0, 1000), null, 1).Measurements(notes)];

        Assert.Equal(6.0 / 5, figures.Single(m => m.Name == "serve_tpot").Value, 6); // 6 ms for the 5 behind the first
        Assert.Contains(notes, n => n.Contains("600 tokens by the server, 300 events", StringComparison.Ordinal));
        Assert.Contains(notes, n => n.Contains("400 of 1000 tokens", StringComparison.Ordinal)); // cached
    }

    [Theory]
    [InlineData(300, 0, "")]
    [InlineData(305, 12, "took 12 of 1000 prompt tokens from a cache")] // within what it may count otherwise
    [InlineData(310, 0, "counted 310 generated tokens while 300 came here")]
    [InlineData(280, 0, "counted 280 generated tokens while 300 came here")]
    public void Counters_AreHeldAgainstWhatCame(double generated, double cached, string note)
    {
        TrafficLog log = MadeLog.Of(s_steady.Take(100), 0, 1000);
        var check = new CounterCheck(log, new ServerCounters
        {
            GeneratedTokens = generated,
            CachedTokens = cached,
            PromptTokens = 1000,
            FirstToken = new ServerSum(2, 100),
        });

        Assert.Equal(("server_ttft", 20.0, 100L), check.Measurements().Select(m => (m.Name, m.Value, m.N!.Value)).Single());
        Assert.Equal(("server_counted_tokens", generated), check.Conditions().Last());
        if (note.Length == 0) Assert.Empty(check.Notes());
        else Assert.Contains(note, Assert.Single(check.Notes()), StringComparison.Ordinal);
    }

    /// <summary>Of requests that weren't answered the server may have done any part.</summary>
    [Fact]
    public void Counters_AreNoMark_WhereDroppedRequestsExplainThem()
    {
        RequestRecord[] dropped = [.. Enumerable.Range(100, 10).Select(i => MadeLog.Failed(i, i * 10, ServerFault.Timeout))];
        TrafficLog log = MadeLog.Of([.. s_steady.Take(100), .. dropped], 0, 2000);

        Assert.Empty(new CounterCheck(log, new ServerCounters { GeneratedTokens = 340 }).Notes()); // 4 wanted by each of 10
    }

    [Fact]
    public void CheckServer_NamesTheCause()
    {
        RequestRecord[] requests =
            [.. s_steady.Take(40), .. Enumerable.Range(40, 60).Select(i => MadeLog.Failed(i, i * 10, ServerFault.RateLimited))];

        ServerException e = Assert.Throws<ServerException>(() => ServeFigures.CheckServer(MadeLog.Of(requests, 0, 1000)));

        Assert.Equal(ServerFault.RateLimited, e.Fault);
        Assert.Contains("60 of 100 requests failed, the last ones all: rate_limited: as told", e.Message, StringComparison.Ordinal);
        ServeFigures.CheckServer(MadeLog.Of(s_steady, 0, 1000));
    }

    [Theory]
    [InlineData(11, 0, 0.1)] // of 1011 requests
    [InlineData(0, 510, 0.1)] // of 10 s
    [InlineData(0, 0, 21)]
    public void CheckGenerator_RefusesALoadThatWasntTheWantedOne(int missed, double stalledMs, double dispatchMs)
    {
        TrafficPlan plan = ArrivalProcessTests.Plan(ArrivalKind.Constant, 100);
        TrafficLog log = MadeLog.Of(s_steady, 0, 10_000, (100, 100 + stalledMs)) with { Missed = missed, DispatchMs = [dispatchMs] };

        EngineException e = Assert.Throws<EngineException>(() => ServeFigures.CheckGenerator(log, plan));

        Assert.Contains("100 requests per second", e.Message, StringComparison.Ordinal);
        ServeFigures.CheckGenerator(MadeLog.Of(s_steady, 0, 10_000, (100, 590)) with { Missed = 10, DispatchMs = [19] }, plan);
    }

    private static RequestRecord Steady(int i, double late = 0)
    {
        double at = i * 10;
        double first = at + 5 + (i % 100) + late;
        return MadeLog.Answered(i, at, first, first + 2, first + 6);
    }

    private static Dictionary<string, Measurement> Figures(TrafficLog log, string? slo) =>
        new ServeFigures(log, slo is null ? null : ServiceObjective.Parse(slo, out _), 1).Measurements([])
            .ToDictionary(m => m.Name);
}
