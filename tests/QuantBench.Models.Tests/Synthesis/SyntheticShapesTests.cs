using QuantBench.Models.Synthesis;

namespace QuantBench.Models.Tests.Synthesis;

/// <summary>Shapes have as many parameters as the models they are called after, as their makers publish it (billions).</summary>
public sealed class SyntheticShapesTests
{
    private static readonly Dictionary<string, double> s_published = new()
    {
        ["llama-3.2-1b"] = 1.236,
        ["llama-3.2-3b"] = 3.213,
        ["llama-3.1-8b"] = 8.030,
        ["mistral-7b"] = 7.248,
        ["smollm2-135m"] = 0.1345,
        ["smollm2-360m"] = 0.3618,
        ["granite-3.1-2b"] = 2.534,
        ["olmo-2-1b"] = 1.485,
        ["qwen2.5-0.5b"] = 0.494,
        ["qwen2.5-1.5b"] = 1.544,
        ["qwen3-0.6b"] = 0.596,
        ["mixtral-8x7b"] = 46.70,
        ["qwen1.5-moe-a2.7b"] = 14.32,
        ["qwen3-30b-a3b"] = 30.53,
        ["olmoe-1b-7b"] = 6.919,
        ["gpt-oss-20b"] = 20.91,
        ["phi-3-mini"] = 3.821,
        ["gemma-2-2b"] = 2.614,
        ["gemma-3-1b"] = 1.000,
        ["mistral-nemo-12b"] = 12.25,
        ["mistral-small-24b"] = 23.57,
        ["falcon3-7b"] = 7.456,
        ["smollm3-3b"] = 3.075,
        ["phi-4"] = 14.66,
        ["gemma-3-4b"] = 3.880,
        ["olmo-3-7b"] = 7.298,
        ["glm-4-9b"] = 9.400,
        ["command-r-35b"] = 34.98,
        ["command-r7b"] = 8.028,
        ["starcoder2-3b"] = 3.030,
        ["nemotron-mini-4b"] = 4.191,
        ["exaone-3.5-2.4b"] = 2.405,
        ["exaone-4.0-1.2b"] = 1.280,
    };

    [Fact]
    public void Shapes_HaveTheirModelsNumberOfParameters()
    {
        foreach (SyntheticShape shape in SyntheticShapes.All.Where(shape => s_published.ContainsKey(shape.Name)))
        {
            double billions = ModelSynthesizer.Tensors(shape, "F32")
                .Sum(tensor => tensor.Dimensions.Aggregate(1.0, (product, size) => product * size)) / 1e9;
            double off = Math.Abs((billions / s_published[shape.Name]) - 1);
            Assert.True(off < 0.003, $"{shape.Name}: {billions:F3} billion parameters instead of {s_published[shape.Name]}");
        }

        Assert.Subset(SyntheticShapes.All.Select(shape => shape.Name).ToHashSet(), s_published.Keys.ToHashSet());
    }
}
