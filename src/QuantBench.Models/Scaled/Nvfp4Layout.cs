using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.Formats.Safetensors;

namespace QuantBench.Models.Scaled;

/// <summary>
/// NVFP4 as compressed-tensors has it, rounded as llm-compressor's weight-only NVFP4 is: the matrix' scale takes its largest weight to
/// 448 · 6, a group's scale its largest to 6.
/// </summary>
internal sealed class Nvfp4Layout : PackedLayout
{
    private const int GroupSize = 16;
    private const float LargestElement = 6;
    private const float LargestScale = 448;

    /// <inheritdoc/>
    public override JsonObject Describe() => new()
    {
        ["quant_method"] = "compressed-tensors",
        ["format"] = "nvfp4-pack-quantized",
        ["quantization_status"] = "compressed",
        ["ignore"] = new JsonArray("lm_head"),
        ["config_groups"] = new JsonObject
        {
            ["group_0"] = new JsonObject
            {
                ["targets"] = new JsonArray("Linear"),
                ["weights"] = new JsonObject
                {
                    ["num_bits"] = 4,
                    ["type"] = "float",
                    ["strategy"] = "tensor_group",
                    ["group_size"] = GroupSize,
                    ["symmetric"] = true,
                    ["dynamic"] = false,
                },
                ["input_activations"] = null,
                ["output_activations"] = null,
            },
        },
    };

    /// <inheritdoc/>
    public override bool Fits(long rows, long columns) => columns % GroupSize == 0;

    /// <inheritdoc/>
    public override IEnumerable<SafetensorsSpec> Specs(long rows, long columns) =>
    [
        new("weight_packed", SafetensorsDType.U8, [rows, columns / 2]),
        new("weight_scale", SafetensorsDType.F8_E4M3, [rows, columns / GroupSize]),
        new("weight_global_scale", SafetensorsDType.F32, [1]),
    ];

    /// <inheritdoc/>
    public override byte[][] Encode(ReadOnlySpan<float> weights, int rows, int columns)
    {
        float largest = Largest(weights), global = largest > 0 ? LargestScale * LargestElement / largest : 1;
        if (!float.IsFinite(global)) global = 1;
        byte[] packed = new byte[weights.Length / 2], scales = new byte[weights.Length / GroupSize];
        for (int g = 0; g < scales.Length; g++)
        {
            ReadOnlySpan<float> group = weights.Slice(g * GroupSize, GroupSize);
            scales[g] = SmallFloats.ToE4M3(global * (Largest(group) / LargestElement));
            float scale = SmallFloats.E4M3[scales[g]] / global;
            if (scale == 0) continue;
            for (int i = 0; i < GroupSize; i++)
                packed[((g * GroupSize) + i) / 2] |= (byte)(SmallFloats.ToE2M1(group[i] / scale) << (4 * (i & 1)));
        }

        byte[] factor = new byte[4];
        MemoryMarshal.Write(factor, global);
        return [packed, scales, factor];
    }
}
