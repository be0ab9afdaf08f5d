using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Inference.Evaluators;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>Several cells measured in one forward pass: each has the figures it has alone.</summary>
public sealed class TextPassTests : IDisposable
{
    private static readonly CellSettings s_settings = CellSettings.Empty.With("n_ctx", 16L).With("n_batch", 32L);

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EvaluateTogether_GivesEachCellItsOwnFigures_FromOneLoad()
    {
        int loads = 0;
        var engine = new ToyEngine { Shift = 1, OnLoad = () => loads++ };
        string first = Reference("first", new ToyEngine()), second = Reference("second", new ToyEngine { Shift = 0.5f });
        EvaluationContext[] contexts =
            [Context(engine, "perplexity"), Context(engine, "divergence", first), Context(engine, "divergence", second)];
        EvaluationResult[] alone =
        [
            new PerplexityEvaluator().Evaluate(contexts[0], default),
            .. contexts[1..].Select(c => new DivergenceEvaluator().Evaluate(c, default)),
        ];
        loads = 0;

        IReadOnlyList<PassOutcome> together = new PerplexityEvaluator().EvaluateTogether(contexts, default);

        Assert.Equal(1, loads);
        Assert.Equal(3, together.Count);
        foreach ((PassOutcome outcome, EvaluationResult one) in together.Zip(alone))
        {
            Assert.Null(outcome.Fault);
            Assert.Equal(Figures(one), Figures(outcome.Result!));
            Assert.Equal(one.Provenance, outcome.Result!.Provenance);
        }

        Assert.NotEqual(Value(together[1].Result!, "kl_mean"), Value(together[2].Result!, "kl_mean"));
        Assert.Equal(Value(together[0].Result!, "perplexity"), Value(together[1].Result!, "perplexity")); // to the last bit
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("cut")]
    public void EvaluateTogether_EndsOnlyTheCell_WhoseReferenceIsNoGood(string fault)
    {
        var engine = new ToyEngine { Shift = 1 };
        string path = Reference("first", new ToyEngine());
        if (fault == "cut") File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        else File.Delete(path);

        IReadOnlyList<PassOutcome> together = new DivergenceEvaluator()
            .EvaluateTogether([Context(engine, "divergence", path), Context(engine, "perplexity")], default);

        Assert.NotNull(together[0].Fault);
        Assert.Equal(Value(new PerplexityEvaluator().Evaluate(Context(engine, "perplexity"), default), "perplexity"),
            Value(together[1].Result!, "perplexity"));
    }

    [Fact]
    public void EvaluateTogether_EndsOnlyTheCell_WhoseReferenceHasAnotherVocabulary()
    {
        int loads = 0;
        string path = Reference("first", new ToyEngine());
        var engine = new ToyEngine { LogitCount = 38, OnLoad = () => loads++ };

        IReadOnlyList<PassOutcome> together = new DivergenceEvaluator()
            .EvaluateTogether([Context(engine, "divergence", path), Context(engine, "perplexity")], default);

        Assert.Contains("38 logits", Assert.IsType<RequestException>(together[0].Fault).Message, StringComparison.Ordinal);
        Assert.Null(together[1].Fault);
        Assert.Equal(1, loads);
    }

    [Fact]
    public void EvaluateTogether_Throws_WhenThePassFails()
    {
        var engine = new ToyEngine { DeviceUsed = "elsewhere" };

        Assert.Throws<EngineException>(() => new PerplexityEvaluator()
            .EvaluateTogether([Context(engine, "perplexity"), Context(engine, "perplexity")], default));
    }

    private static EvaluationContext Context(ToyEngine engine, string workload, string? reference = null) =>
        ToyEngine.Context(engine, workload, TimeProvider.System, s_settings, ToyEngine.Text(83)) with { ReferencePath = reference };

    private string Reference(string name, ToyEngine engine)
    {
        string path = _folder.Combine($"{name}.qblp");
        ReferenceLogProbabilities.Compute(Context(engine, "divergence"), path, default);
        return path;
    }

    // Everything but the speed of the pass.
    private static IEnumerable<(string, double, double?, string?)> Figures(EvaluationResult result) =>
        result.Metrics.Where(m => m.Unit != "token/s").Select(m => (m.Name, m.Value, m.Error, m.Protocol));

    private static double Value(EvaluationResult result, string name) => result.Metrics.Single(m => m.Name == name).Value;
}
