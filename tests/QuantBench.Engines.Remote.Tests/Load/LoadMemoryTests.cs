using System.Diagnostics;
using System.Globalization;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Servers;
using Xunit.Abstractions;

namespace QuantBench.Engines.Remote.Tests.Load;

/// <summary>The process's memory is watched, so nothing else runs meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LoadMemoryCollection
{
    public const string Name = "memory of loads";
}

/// <summary>What a load costs this process in memory; replies of a gigabyte, whatever they are made of, among it.</summary>
[Collection(LoadMemoryCollection.Name)]
public sealed class LoadMemoryTests(ITestOutputHelper output)
{
    private const long MostMore = 64 << 20;
    private const long MostPerRequest = 16_000;

    [Theory]
    [InlineData("flood", ServerFault.Flooded)]
    [InlineData("line", ServerFault.Flooded)]
    [InlineData("comments", ServerFault.Cut)]
    [InlineData("empty", ServerFault.Cut)]
    [InlineData("body500", ServerFault.ServerError)]
    [InlineData("body200", ServerFault.Malformed)]
    public void Evaluate_HoldsLittleOfAGigabyte(string kind, ServerFault expected)
    {
        // What a load of this kind needs anyway is there already.
        using (var calm = new StubProcess("first=1", "gap=0.1")) Load(calm, 0.5);
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var flood = new StubProcess($"fault={kind}");
        long before = Resident();
        long most = before;
        using var ended = new ManualResetEventSlim();
        var watch = new Thread(() =>
        {
            while (!ended.Wait(2)) most = Math.Max(most, Resident());
        });
        watch.Start();
        long start = Stopwatch.GetTimestamp();
        ServerException e;
        try
        {
            // One request, read to its end.
            e = Assert.Throws<ServerException>(() => Load(flood, 0.001));
        }
        finally
        {
            ended.Set();
            watch.Join();
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{kind}: {(most - before) / 1048576.0:0.0} MiB more, {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s: {e.Message}"));
        Assert.Equal(expected, e.Fault);
        Assert.InRange(most - before, long.MinValue, MostMore);
    }

    /// <summary>What is allocated is collected, and every collection stops the thread that sends.</summary>
    [Fact]
    public void Evaluate_AllocatesLittlePerRequest()
    {
        using var stub = new StubProcess("first=2", "gap=0.5");
        Load(stub, 0.5);
        long before = GC.GetTotalAllocatedBytes(precise: true);

        EvaluationResult result = ServedCell.Measure(stub.Device, null, ("concurrency", 16), ("duration", 1.0), ("warmup", 0.0),
            ("output_tokens", "16"));

        double each = (GC.GetTotalAllocatedBytes(precise: true) - before) / result.Conditions["load_requests"];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{each:0} bytes a request of {result.Conditions["load_requests"]}"));
        Assert.InRange(each, 0, MostPerRequest);
    }

    private static void Load(StubProcess stub, double seconds) => ServedCell.Measure(stub.Device, null, ("concurrency", 1),
        ("duration", seconds), ("warmup", 0.0), ("output_tokens", "4"), ("stall_timeout", 60.0), ("request_timeout", 60.0));

    private static long Resident()
    {
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
