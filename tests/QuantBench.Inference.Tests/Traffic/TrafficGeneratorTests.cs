using System.Runtime.CompilerServices;
using QuantBench.Inference.Servers;
using QuantBench.Inference.Traffic;

namespace QuantBench.Inference.Tests.Traffic;

public sealed class TrafficGeneratorTests
{
    // The runner's own threads are the pool's, and wait: replies need some beside them, at once.
    static TrafficGeneratorTests() => ThreadPool.SetMinThreads(64, 64);

    [Fact]
    public void Run_KeepsSoManyOpenInAClosedLoop()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer);

        TrafficLog log = Run(server, ArrivalProcessTests.Plan(ArrivalKind.Closed, 1) with { Concurrency = 3, MostRequests = 20 });

        Assert.Equal(3, server.MostOpen);
        Assert.Equal(20, log.Measured.Count());
        Assert.All(log.Measured, r => Assert.True(r.IsAnswered));
        Assert.All(log.Measured, r => Assert.Equal(4, r.Tokens));
    }

    [Fact]
    public void Run_SendsOrMissesEachRequestOfAnOpenLoop()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer);

        TrafficLog log = Run(server, ArrivalProcessTests.Plan(ArrivalKind.Constant, 40) with { WarmUpSeconds = 0.25 });

        // At 0.25 … 1.225 s; on a busy machine some are missed, none twice, none late in a burst.
        Assert.Equal(40, log.Measured.Count() + log.Missed);
        Assert.Equal(log.Measured.Count(), log.Measured.Select(r => r.IntendedNs).Distinct().Count());
        Assert.All(log.Measured, r => Assert.InRange(r.SentNs - r.IntendedNs, 0, TrafficGenerator.StallNs));
    }

    [Fact]
    public void Run_GoesOnWithConversations()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer);

        TrafficLog log = Run(server,
            ArrivalProcessTests.Plan(ArrivalKind.Closed, 1) with { Turns = 3, ThinkSeconds = 0.01, MostRequests = 12 });

        ServerRequest third = server.Requests.First(r => r.Messages.Length == 5);
        Assert.Equal(["user", "assistant", "user", "assistant", "user"], third.Messages.Select(m => m.Role));
        Assert.Equal(" w0 w1 w2 w3", third.Messages[1].Text);
        Assert.Equal([0, 1, 2], log.Measured.Select(r => r.Turn).Distinct().Order());
        Assert.DoesNotContain(server.Requests, r => r.Messages.Length > 5);
    }

    [Fact]
    public void Run_ReplaysATrace()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer);
        TrafficPlan plan = ArrivalProcessTests.Plan(ArrivalKind.Trace, 2) with
        {
            Trace = [new TraceEntry(0.1, 5, 2), new TraceEntry(0.2, 7, 3), new TraceEntry(0.4, 9, 1)],
        };

        TrafficLog log = Run(server, plan);

        Assert.Equal([0.05, 0.1, 0.2], log.Measured.Select(r => r.IntendedNs / 1e9)); // twice as fast
        Assert.Equal([2, 3, 1], log.Measured.Select(r => r.Wanted));
        Assert.Equal([5, 7, 9], server.Requests.OrderBy(r => r.Seed).Select(r => r.Messages[0].Text.Split(' ').Length));
    }

    [Fact]
    public void Run_SharesPrefixesAndNothingElse()
    {
        using var server = new ScriptedServer(ScriptedServer.Answer);

        Run(server, ArrivalProcessTests.Plan(ArrivalKind.Closed, 1) with { SharedPrefix = 0.5, MostRequests = 8 });

        string[][] prompts = [.. server.Requests.Select(r => r.Messages[0].Text.Split(' '))];
        Assert.Single(prompts.Select(p => string.Join(' ', p[..4])).Distinct());
        Assert.Equal(prompts.Length, prompts.Select(p => string.Join(' ', p[4..])).Distinct().Count());
    }

    [Theory]
    [InlineData(0.8, 9, ServerFault.Stalled)]
    [InlineData(9, 0.8, ServerFault.Timeout)]
    public void Run_DropsWhatTakesTooLong(double stall, double timeout, ServerFault expected)
    {
        using var server = new ScriptedServer((r, stop) => r.Seed % 2 == 0 ? ScriptedServer.Answer(r, stop) : Hang(stop));

        TrafficLog log = Run(server, ArrivalProcessTests.Plan(ArrivalKind.Closed, 1) with
        {
            MostRequests = 4,
            StallTimeoutSeconds = stall,
            RequestTimeoutSeconds = timeout,
        });

        Assert.Equal([null, expected, null, expected], log.Measured.Select(r => r.Fault));
    }

    [Fact]
    public void Run_EndsAFlood()
    {
        using var server = new ScriptedServer((_, stop) => Flood(stop));

        TrafficLog log = Run(server, ArrivalProcessTests.Plan(ArrivalKind.Closed, 1) with { MostRequests = 1 });

        Assert.Equal(ServerFault.Flooded, log.Measured.Single().Fault);
    }

    [Fact]
    public void Run_EndsWhenTheServerAnswersNothingAnyMore()
    {
        using var server = new ScriptedServer((_, _) => throw new ServerException(ServerFault.Unreachable, "gone"));

        ServerException e = Assert.Throws<ServerException>(
            () => Run(server, ArrivalProcessTests.Plan(ArrivalKind.Constant, 50) with { Seconds = 60 }));

        Assert.Equal(ServerFault.Unreachable, e.Fault);
        Assert.Contains("gone", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_HoldsBackWhenTooManyAreOpen()
    {
        using var server = new ScriptedServer((_, stop) => Hang(stop));

        TrafficLog log = Run(server,
            ArrivalProcessTests.Plan(ArrivalKind.Constant, 50) with { MostOpen = 5, RequestTimeoutSeconds = 1.2 });

        Assert.InRange(server.MostOpen, 1, 5);
        Assert.InRange(log.Held, 1, 50);
    }

    private static async IAsyncEnumerable<ReplyPart> Hang([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new ReplyPart(ReplyKind.Token, "a", 1);
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private static async IAsyncEnumerable<ReplyPart> Flood([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return new ReplyPart(ReplyKind.Token, "a", 1);
        }
    }

    private static TrafficLog Run(ScriptedServer server, TrafficPlan plan) =>
        new TrafficGenerator(server, plan, "m", TimeProvider.System, (_, _) => { }).Run(CancellationToken.None);
}
