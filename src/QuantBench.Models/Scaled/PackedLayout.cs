using System.Text.Json.Nodes;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Scaled;

/// <summary>How a float matrix is rounded and laid out in another format; a new one is a class beside this.</summary>
internal abstract class PackedLayout
{
    /// <summary>What <c>config.json</c> says about it under <c>quantization_config</c>.</summary>
    public abstract JsonObject Describe();

    /// <summary>Whether a matrix of these sizes can be laid out so; others stay floats.</summary>
    public abstract bool Fits(long rows, long columns);

    /// <summary>The tensors of a matrix, without its name.</summary>
    public abstract IEnumerable<SafetensorsSpec> Specs(long rows, long columns);

    /// <summary>The bytes of those tensors, in their order.</summary>
    /// <param name="weights">[rows, columns], finite.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public abstract byte[][] Encode(ReadOnlySpan<float> weights, int rows, int columns);

    /// <summary>Largest magnitude of a run.</summary>
    protected static float Largest(ReadOnlySpan<float> values)
    {
        float largest = 0;
        foreach (float value in values) largest = MathF.Max(largest, MathF.Abs(value));
        return largest;
    }
}
