using Microsoft.Extensions.Time.Testing;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

public class LoadEvaluatorTests
{
    [Fact]
    public void Evaluate_KeepsFirstLoadApart_Always()
    {
        var clock = new FakeTimeProvider();
        int loads = 0;
        var engine = new ToyEngine { OnLoad = () => clock.Advance(TimeSpan.FromMilliseconds(loads++ == 0 ? 900 : 30)) };

        EvaluationResult result = new LoadEvaluator().Evaluate(ToyEngine.Context(engine, "load", clock, CellSettings.Empty), default);

        Measurement load = result.Metrics.Single(m => m.Name == "load_time");
        Assert.Equal(30, load.Value, 1e-9);
        Assert.Equal(10, load.N);
        Assert.Equal(30, load.Max!.Value, 1e-9);
        Assert.Contains("first load 900.0 ms", result.Notes);
        Assert.Equal(11, loads);
        Assert.Equal(80, result.Metrics.Single(m => m.Name == "kv_cache_size").Value);
    }

    [Fact]
    public void Find_KnowsEveryWorkload_OfTheTable()
    {
        Assert.Equal(WorkloadTable.All.Select(w => w.Name).Order(), EvaluatorTable.All.Select(e => e.Workload).Order());
    }

    [Fact]
    public void ResidentBytes_IsPlausible_OfThisProcess()
    {
        var probe = new MachineProbe(TimeProvider.System);

        Assert.InRange(probe.ResidentBytes()!.Value, 1L << 20, 1L << 40);
        if (OperatingSystem.IsLinux()) Assert.True(probe.PeakResidentBytes() >= 1L << 20);
        Assert.All(probe.Conditions().Values, v => Assert.True(double.IsFinite(v)));
    }
}
