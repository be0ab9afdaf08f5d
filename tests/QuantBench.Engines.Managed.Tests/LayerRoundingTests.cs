using QuantBench.Core.Settings;
using QuantBench.Inference.Engines;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>The rounding between layers by which the noise floor of references is measured.</summary>
public sealed class LayerRoundingTests
{
    [Fact]
    public void Load_RoundsBetweenLayers_WhenAsked_AndAlike_WhateverTheThreads()
    {
        int[] tokens = Models.Tokens(40, Models.Llama.Vocabulary);
        float[] exact = Last(CellSettings.Empty, 1), rounded = Last(ManagedEngine.Registration.Facts.LayerRounding!, 1);

        Assert.NotEqual(exact, rounded);
        Assert.Equal(rounded, Last(ManagedEngine.Registration.Facts.LayerRounding!, 3));
        // A BF16 has 8 bits: logits move by some thousandths of their spread, no more.
        double spread = Math.Sqrt(exact.Average(x => x * x)), moved = Math.Sqrt(exact.Zip(rounded, (a, b) => (a - b) * (a - b)).Average());
        Assert.InRange(moved / spread, 1e-5, 0.05);

        float[] Last(CellSettings settings, int threads)
        {
            using var engine = new ManagedEngine();
            string path = Models.Path(Models.Llama, "F32");
            using ILoadedModel model = engine.Load(Models.Artifact(path), Models.Devices[^1],
                new LoadOptions { Threads = 1, Settings = settings }, CancellationToken.None);
            using IInferenceSession session = Models.Session(model, threads: threads);
            return Models.Run(session, tokens)[^1];
        }
    }
}
