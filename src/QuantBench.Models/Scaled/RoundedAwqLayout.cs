using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Scaled;

/// <summary>AWQ's layout with zero points, with weights rounded to the nearest: what AWQ's own scaling is to be held against.</summary>
internal sealed class RoundedAwqLayout : PackedLayout
{
    private const int GroupSize = 128;

    // Place of each of 8 consecutive outputs in a word.
    private static ReadOnlySpan<byte> Places => [0, 4, 1, 5, 2, 6, 3, 7];

    /// <inheritdoc/>
    public override JsonObject Describe() => new()
    {
        ["quant_method"] = "awq",
        ["bits"] = 4,
        ["group_size"] = GroupSize,
        ["zero_point"] = true,
        ["version"] = "gemm",
    };

    /// <inheritdoc/>
    public override bool Fits(long rows, long columns) => rows % 8 == 0 && columns % GroupSize == 0;

    /// <inheritdoc/>
    public override IEnumerable<SafetensorsSpec> Specs(long rows, long columns) =>
    [
        new("qweight", SafetensorsDType.I32, [columns, rows / 8]),
        new("qzeros", SafetensorsDType.I32, [columns / GroupSize, rows / 8]),
        new("scales", SafetensorsDType.F16, [columns / GroupSize, rows]),
    ];

    /// <inheritdoc/>
    public override byte[][] Encode(ReadOnlySpan<float> weights, int rows, int columns)
    {
        int groups = columns / GroupSize, words = rows / 8;
        uint[] quants = new uint[columns * words], zeros = new uint[groups * words];
        var scales = new Half[groups * rows];
        for (int row = 0; row < rows; row++)
        {
            int shift = 4 * Places[row % 8];
            for (int g = 0; g < groups; g++)
            {
                ReadOnlySpan<float> group = weights.Slice((row * columns) + (g * GroupSize), GroupSize);
                float low = 0, high = 0;
                foreach (float value in group) (low, high) = (MathF.Min(low, value), MathF.Max(high, value));
                var stored = (Half)((high - low) / 15);
                scales[(g * rows) + row] = stored;
                float scale = (float)stored;
                float zero = scale > 0 ? Math.Clamp(MathF.Round(-low / scale), 0, 15) : 0;
                zeros[(g * words) + (row / 8)] |= (uint)zero << shift;
                for (int i = 0; i < GroupSize; i++)
                {
                    float steps = scale > 0 ? MathF.Round(group[i] / scale) : 0;
                    quants[(((g * GroupSize) + i) * words) + (row / 8)] |= (uint)Math.Clamp(steps + zero, 0, 15) << shift;
                }
            }
        }

        return [MemoryMarshal.AsBytes<uint>(quants).ToArray(), MemoryMarshal.AsBytes<uint>(zeros).ToArray(),
            MemoryMarshal.AsBytes<Half>(scales).ToArray()];
    }
}
