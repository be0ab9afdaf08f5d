using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Scaled;

/// <summary>GPTQ's layout, symmetric, with weights rounded to the nearest: what GPTQ's own rounding is to be held against.</summary>
internal sealed class RoundedGptqLayout : PackedLayout
{
    private const int GroupSize = 128;
    private const int Middle = 8;

    /// <inheritdoc/>
    public override JsonObject Describe() => new()
    {
        ["quant_method"] = "gptq",
        ["bits"] = 4,
        ["group_size"] = GroupSize,
        ["desc_act"] = false,
        ["sym"] = true,
        ["checkpoint_format"] = "gptq",
    };

    /// <inheritdoc/>
    public override bool Fits(long rows, long columns) => rows % 8 == 0 && columns % GroupSize == 0;

    /// <inheritdoc/>
    public override IEnumerable<SafetensorsSpec> Specs(long rows, long columns) =>
    [
        new("qweight", SafetensorsDType.I32, [columns / 8, rows]),
        new("qzeros", SafetensorsDType.I32, [columns / GroupSize, rows / 8]),
        new("scales", SafetensorsDType.F16, [columns / GroupSize, rows]),
    ];

    /// <inheritdoc/>
    public override byte[][] Encode(ReadOnlySpan<float> weights, int rows, int columns)
    {
        int groups = columns / GroupSize;
        uint[] quants = new uint[columns / 8 * rows], zeros = new uint[groups * rows / 8];
        var scales = new Half[groups * rows];
        zeros.AsSpan().Fill(0x7777_7777); // stored less one
        for (int row = 0; row < rows; row++)
        {
            for (int g = 0; g < groups; g++)
            {
                ReadOnlySpan<float> group = weights.Slice((row * columns) + (g * GroupSize), GroupSize);
                var stored = (Half)(2 * Largest(group) / 15);
                scales[(g * rows) + row] = stored;
                float scale = (float)stored;
                for (int i = 0; i < GroupSize; i++)
                {
                    int column = (g * GroupSize) + i;
                    float steps = scale > 0 ? MathF.Round(group[i] / scale) : 0;
                    quants[(column / 8 * rows) + row] |= (uint)Math.Clamp(steps + Middle, 0, 15) << (4 * (column % 8));
                }
            }
        }

        return [MemoryMarshal.AsBytes<uint>(quants).ToArray(), MemoryMarshal.AsBytes<uint>(zeros).ToArray(),
            MemoryMarshal.AsBytes<Half>(scales).ToArray()];
    }
}
