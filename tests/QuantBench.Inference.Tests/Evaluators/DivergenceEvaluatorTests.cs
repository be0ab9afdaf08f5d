using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Inference.Evaluators;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>Goldens as in <see cref="PerplexityEvaluatorTests"/>; statistics by llama-perplexity's formulas re-implemented in Python
/// doubles.</summary>
public sealed class DivergenceEvaluatorTests : IDisposable
{
    private static readonly CellSettings s_settings = CellSettings.Empty.With("n_ctx", 16L).With("n_batch", 32L);

    private readonly string _directory = Directory.CreateTempSubdirectory("quantbench-").FullName;

    private string ReferencePath => Path.Combine(_directory, "reference.qblp");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void ComputeReference(CellSettings? settings = null, ToyEngine? engine = null, CancellationToken token = default) =>
        ReferenceLogProbabilities.Compute(
            ToyEngine.Context(engine ?? new ToyEngine(), "divergence", TimeProvider.System, settings ?? s_settings, ToyEngine.Text(83)),
            ReferencePath, token);

    private EvaluationResult Evaluate(ToyEngine engine, CellSettings? settings = null) =>
        new DivergenceEvaluator().Evaluate(
            ToyEngine.Context(engine, "divergence", TimeProvider.System, settings ?? s_settings, ToyEngine.Text(83))
                with
            { ReferencePath = ReferencePath }, default);

    [Fact]
    public void Evaluate_GivesGolden_WhenVariantDiffers()
    {
        ComputeReference();

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1 }, s_settings.With("n_batch", 5L));

        // KL of 1.5e-3 from exponentials good to 4e-7: each normaliser may err by that much.
        Check("perplexity", 551.1793845039409, 264.8523491153563, 1e-3, 1e-2);
        Check("ln_ppl_ratio", 0.009088737791324242, 0.010641532481008657, 1e-6, 1e-6);
        Check("ppl_ratio", 1.0091301657829106, 0.010738691436744495, 1e-6, 1e-6);
        Check("ppl_difference", 4.986828584932141, 6.3005794845850325, 1e-3, 1e-3);
        Check("kl_mean", 0.0014730837923518003, 8.597577155134799e-05, 1e-6, 1e-6);
        Check("kl_median", 0.0015104822457924383, null, 1e-6);
        Check("kl_p90", 0.0019862862671589277, null, 1e-6);
        Check("kl_p95", 0.002254560678147593, null, 1e-6);
        Check("kl_p99", 0.002373833526346127, null, 1e-6);
        Check("kl_p999", 0.0024038994055241816, null, 1e-6);
        Check("kl_max", 0.0024072400587661874, null, 1e-6);
        Check("same_top", 0.9714285714285714, 0.028571428571428577, 1e-15, 1e-15);
        Check("delta_p_mean", -0.0003304105459861417, 0.0004146455300189052, 1e-6, 1e-6);
        Check("delta_p_rms", 0.0024402504498713365, 0.0005801784713133356, 1e-6, 1e-6);
        Check("delta_p_p01", -0.008039889449746977, null, 1e-6);
        Check("delta_p_p05", -0.0038592016229916423, null, 1e-6);
        Check("delta_p_median", -1.6394012082379198e-06, null, 1e-7);
        Check("delta_p_p95", 0.0021262886909049943, null, 1e-6);
        Check("delta_p_p99", 0.00582772079308003, null, 1e-6);
        Check("nll_correlation", 0.9997548120414369, null, 1e-6);
        Assert.Equal(
            "kl-v1;n_ctx=16;chunks=5;bos=none;text=111111111111;tokenizer=222222222222;reference=gguf:F32",
            result.Metrics.Single(m => m.Name == "kl_mean").Protocol);

        void Check(string name, double value, double? error, double tolerance, double errorTolerance = 0)
        {
            Measurement metric = result.Metrics.Single(m => m.Name == name);
            Assert.True(Math.Abs(metric.Value - value) <= tolerance, $"{name}: {metric.Value:R}, golden {value:R}");
            Assert.Equal(35, metric.N);
            if (error is { } e)
                Assert.True(Math.Abs(metric.Error!.Value - e) <= errorTolerance, $"{name}: error {metric.Error:R}, golden {e:R}");
        }
    }

    [Theory]
    [InlineData(7.3e-4, false)] // kl_mean is 1.47e-3
    [InlineData(7.4e-4, true)]
    public void Evaluate_MarksAMean_BelowTwiceTheReferencesNoise(double noise, bool marked)
    {
        ComputeReference();
        new ReferenceFloor(noise, 14, "another 1", null).Write(ReferencePath);

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1 });

        Measurement floor = result.Metrics.Single(m => m.Name == "kl_floor");
        Assert.Equal((noise, 14L), (floor.Value, floor.N));
        Assert.Equal("another 1", result.Provenance["kl_floor_engine_build"]);
        Measurement mean = result.Metrics.Single(m => m.Name == "kl_mean");
        Assert.Equal(marked ? Measurement.NotToldFromNoise : null, mean.Caveat);
        if (marked) Assert.Equal("not told from noise: 7.4e-4", Assert.Single(mean.Notes!.Value));
    }

    [Theory]
    [InlineData("""{"kl":null,"positions":0,"engine_build":"","missing":"no such engine"}""", "no such engine")]
    [InlineData("not json", null)]
    [InlineData("""{"kl":"NaN","positions":1,"engine_build":"","missing":null}""", null)]
    public void Evaluate_HasNoFloor_WhereThereIsNone(string file, string? why)
    {
        ComputeReference();
        File.WriteAllText(ReferencePath + ReferenceFloor.Suffix, file);

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1 });

        Assert.DoesNotContain(result.Metrics, m => m.Name == "kl_floor");
        Assert.Equal(why, result.Provenance.GetValueOrDefault("kl_floor_missing"));
    }

    [Fact]
    public void Evaluate_ReadsAReferenceOfMoreChunks_AsOneOfItsOwn()
    {
        ComputeReference(s_settings.With("chunks", 3L));
        EvaluationResult own = Evaluate(new ToyEngine { Shift = 1 }, s_settings.With("chunks", 3L));
        ComputeReference();

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1 }, s_settings.With("chunks", 3L));

        Measurement expected = own.Metrics.Single(m => m.Name == "kl_mean"), kl = result.Metrics.Single(m => m.Name == "kl_mean");
        Assert.Equal((expected.Value, expected.Error, expected.N, expected.Protocol), (kl.Value, kl.Error, kl.N, kl.Protocol));
        Assert.Equal(expected.Samples, kl.Samples);
    }

    [Fact]
    public void Evaluate_SplitsTheMeanByConfidenceAndDepth()
    {
        ComputeReference();

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1 });

        Measurement mean = result.Metrics.Single(m => m.Name == "kl_mean");
        foreach (string split in (string[])["kl_confidence_", "kl_depth_"])
        {
            Measurement[] parts = [.. result.Metrics.Where(m => m.Name.StartsWith(split, StringComparison.Ordinal))];
            Assert.True(parts.Length > 1);
            Assert.Equal(mean.N, parts.Sum(p => p.N));
            Assert.Equal(mean.Value, parts.Sum(p => p.Value * p.N!.Value) / mean.N!.Value, 1e-12);
            Assert.All(parts, p => Assert.Equal(mean.Protocol, p.Protocol));
        }

        Assert.Equal(0, result.Metrics.Single(m => m.Name == "kl_bound").Value); // 37 tokens are kept whole
        Assert.DoesNotContain(result.Metrics, m => m.Name is "kl_reverse" or "js_divergence" or "nonfinite_positions");
    }

    [Fact]
    public void Evaluate_GivesTheOtherDivergences_WhenAsked()
    {
        ComputeReference();

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1 }, s_settings.With("divergences", "reverse js"));

        double kl = Value("kl_mean"), reverse = Value("kl_reverse");
        Assert.InRange(reverse, kl * 0.9, kl * 1.1); // of near distributions
        Assert.NotEqual(kl, reverse);
        Assert.InRange(Value("js_divergence"), kl * 0.23, kl * 0.27); // a fourth
        double Value(string name) => result.Metrics.Single(m => m.Name == name).Value;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Evaluate_LeavesOutPositions_ThatAreNotFiniteOnEitherSide(bool ofReference)
    {
        ComputeReference(engine: new ToyEngine { NaNAtAppend = ofReference ? 2 : -1 });

        EvaluationResult result = Evaluate(new ToyEngine { Shift = 1, NaNAtAppend = ofReference ? -1 : 2 });

        Measurement mean = result.Metrics.Single(m => m.Name == "kl_mean");
        Assert.Equal(34, mean.N);
        Assert.EndsWith(";nonfinite=1", mean.Protocol);
        Assert.True(double.IsFinite(result.Metrics.Single(m => m.Name == "kl_max").Value));
        Assert.Single(result.Notes);
    }

    [Fact]
    public void Evaluate_GivesExactZeros_WhenVariantIsTheReference()
    {
        ComputeReference();

        EvaluationResult result = Evaluate(new ToyEngine());

        Assert.Equal(0, result.Metrics.Single(m => m.Name == "kl_max").Value);
        Assert.Equal(1, result.Metrics.Single(m => m.Name == "same_top").Value);
        Assert.Equal(0, result.Metrics.Single(m => m.Name == "delta_p_rms").Value);
        Assert.Equal(1, result.Metrics.Single(m => m.Name == "ppl_ratio").Value);
    }

    [Fact]
    public void Evaluate_Throws_WhenReferenceHasAnotherProtocol()
    {
        ComputeReference(s_settings.With("chunks", 4L));

        var error = Assert.Throws<RequestException>(() => Evaluate(new ToyEngine()));

        Assert.Contains("chunks=4", error.Message);
    }

    [Fact]
    public void Evaluate_Throws_WhenThereIsNoReference()
    {
        Assert.Throws<RequestException>(() => Evaluate(new ToyEngine()));
    }

    [Fact]
    public void Open_Throws_WhenFileIsCutAnywhere()
    {
        ComputeReference();
        byte[] whole = File.ReadAllBytes(ReferencePath);
        string cut = Path.Combine(_directory, "cut");
        foreach (int length in (int[])[0, 3, 11, 12, 40, whole.Length / 2, whole.Length - 1])
        {
            File.WriteAllBytes(cut, whole[..length]);

            Assert.Throws<ModelFormatException>(() => ReferenceLogProbabilities.Open(cut).Dispose());
        }
    }

    [Fact]
    public void Open_RaisesOnlyFormatErrors_WhenAHeaderByteIsChanged()
    {
        ComputeReference();
        byte[] whole = File.ReadAllBytes(ReferencePath);
        string changed = Path.Combine(_directory, "changed");
        for (int at = 0; at < 64; at++)
        {
            foreach (byte value in (byte[])[0, 0x7F, 0xFF])
            {
                byte[] bytes = [.. whole];
                bytes[at] = value;
                File.WriteAllBytes(changed, bytes);

                Exception? e = Record.Exception(() => ReferenceLogProbabilities.Open(changed).Dispose());

                Assert.True(e is null or ModelFormatException, $"byte {at}: {e}");
            }
        }
    }

    [Fact]
    public void Compute_LeavesNothing_WhenCancelled()
    {
        using var source = new CancellationTokenSource();
        var engine = new ToyEngine { OnAppend = _ => source.Cancel() };

        Assert.Throws<OperationCanceledException>(() => ComputeReference(engine: engine, token: source.Token));
        Assert.Empty(Directory.GetFiles(_directory));
    }
}
