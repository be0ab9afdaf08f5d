using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

public class PlannedMemoryTests
{
    private static readonly CellSettings s_settings = CellSettings.Empty.With("n_ctx", 16L).With("n_batch", 64L);

    [Theory]
    [InlineData(500, 300, 200, 0, null, null, true)] // just what the machine has
    [InlineData(500, 300, 201, 0, null, null, false)]
    [InlineData(5000, 300, 200, 4500, null, null, true)] // weights that stay in the mapped file needn't fit
    [InlineData(5000, 3000, 200, 0, 8000L, 8000L, true)] // on a device that has it
    [InlineData(5000, 3000, 200, 0, 8001L, 8000L, false)]
    [InlineData(5000, 3000, 200, 0, 8001L, null, true)] // on one that doesn't tell
    public void Evaluate_RefusesWhatCantFit_BeforeItIsLoaded(long weights, long cache, long compute, long mapped, long? onDevice,
        long? device, bool fits)
    {
        bool loaded = false;
        var engine = new ToyEngine
        {
            Planned = new MemoryPlan(new EngineMemory(weights, cache, compute, onDevice), mapped),
            DeviceBytes = device,
            OnLoad = () => loaded = true,
        };

        Exception? refused = Record.Exception(() => Run(engine));

        Assert.Equal(fits, loaded);
        if (fits) Assert.Null(refused);
        else Assert.Contains("it can't fit: weights ", Assert.IsType<UnsupportedException>(refused).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_GivesWhatWasPlannedBesideWhatTheEngineReports()
    {
        var engine = new ToyEngine { Planned = new MemoryPlan(new EngineMemory(901, 81, 17, null), 901) };

        EvaluationResult result = Run(engine);

        Assert.Equal([900, 80, 70, 901, 81, 17], ((string[])
            ["weights_size", "kv_cache_size", "compute_size", "weights_planned", "kv_cache_planned", "compute_planned"])
            .Select(name => result.Metrics.Single(m => m.Name == name).Value));
        Assert.Equal((16, 4, 4 * 7), (engine.Asked!.Value.Session.ContextLength, engine.Asked.Value.Session.Sequences,
            engine.Asked.Value.LogitRows)); // positions 8 to 14 of each of four chunks
    }

    [Fact]
    public void Evaluate_SaysNothingOfPlans_WhereTheEngineMakesNone()
    {
        Assert.DoesNotContain(Run(new ToyEngine()).Metrics, m => m.Name.EndsWith("_planned", StringComparison.Ordinal));
    }

    [Fact]
    public void Evaluate_PlansInTheFirstLaunchOnly()
    {
        var engine = new ToyEngine { Planned = new MemoryPlan(new EngineMemory(901, 81, 17, null), 901) };
        EvaluationContext context = ToyEngine.Context(engine, "perplexity", TimeProvider.System, s_settings, ToyEngine.Text(100));

        EvaluationResult second = new PerplexityEvaluator().Evaluate(context with { Launches = 3, Launch = 2 }, default);

        Assert.Null(engine.Asked);
        Assert.DoesNotContain(second.Metrics, m => m.Name.EndsWith("_planned", StringComparison.Ordinal));
    }

    private static EvaluationResult Run(ToyEngine engine) => new PerplexityEvaluator().Evaluate(
        ToyEngine.Context(engine, "perplexity", TimeProvider.System, s_settings, ToyEngine.Text(100)), default);
}
