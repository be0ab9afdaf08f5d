using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuantBench.TestKit;

namespace QuantBench.Engines.Managed.Tests;

/// <summary>
/// Quantizers of GPTQ's and AWQ's layouts, rounding to nearest, written from the layouts' descriptions. Each gives the packed directory and
/// one of the floats that it stands for.
/// </summary>
internal static class PackedWeights
{
    private const int Group = 32;

    /// <summary>Writes both directories of a llama.</summary>
    /// <param name="format"><c>gptq</c>, <c>gptq-act-order</c> or <c>awq</c>.</param>
    /// <returns>The packed directory and the one of floats.</returns>
    public static (string Packed, string Floats) Write(string format)
    {
        const string Name = "llama";
        string packed = Models.ScratchFile($"hf-{format}"), floats = packed + "-floats";
        if (Directory.Exists(packed)) return (packed, floats);
        JsonObject config = RandomDirectory.Config(Name, 2);
        var file = new TinySafetensors();
        var plain = new List<(string, long[], float[])>();
        foreach ((string name, long[] shape, float[] values) in RandomDirectory.Tensors(Name, config, 2))
        {
            // Linear layers alone are quantized, as by the tools: not the embedding and the head.
            if (shape.Length == 1 || !name.StartsWith("model.layers.", StringComparison.Ordinal))
            {
                file.Tensor(name, "F32", shape, MemoryMarshal.AsBytes<float>(values));
                plain.Add((name, shape, values));
                continue;
            }

            string module = name[..^".weight".Length];
            float[] decoded = format == "awq"
                ? Awq(file, module, values, (int)shape[0], (int)shape[1])
                : Gptq(file, module, values, (int)shape[0], (int)shape[1], actOrder: format == "gptq-act-order");
            plain.Add((name, shape, decoded));
        }

        RandomDirectory.WriteFiles(floats, config, plain);
        JsonObject quantized = RandomDirectory.With(config.DeepClone().AsObject(), format == "awq"
            ? $$"""
                { "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": {{Group}}, "zero_point": true,
                    "version": "gemm" } }
                """
            : $$"""
                { "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": {{Group}},
                    "desc_act": {{(format == "gptq" ? "false" : "true")}} } }
                """);
        RandomDirectory.WriteFiles(packed, quantized, file);
        return (packed, floats);
    }

    /// <summary>qweight [inputs/8, outputs]: eight consecutive inputs per word, lowest bits first; zero points stored less one, eight
    /// outputs per word.</summary>
    private static float[] Gptq(TinySafetensors file, string module, float[] weights, int rows, int columns, bool actOrder)
    {
        int groups = columns / Group;
        int[] groupOf = [.. Enumerable.Range(0, columns).Select(c => c / Group)];
        if (actOrder) new Random(module.Length).Shuffle(groupOf);
        uint[] quants = new uint[columns / 8 * rows];
        uint[] zeros = new uint[groups * rows / 8];
        Half[] scales = new Half[groups * rows];
        float[] decoded = new float[rows * columns];
        for (int r = 0; r < rows; r++)
        {
            for (int g = 0; g < groups; g++)
            {
                int[] members = [.. Enumerable.Range(0, columns).Where(c => groupOf[c] == g)];
                (float scale, int zero) = Fit(members.Select(c => weights[(r * columns) + c]));
                scales[(g * rows) + r] = (Half)scale;
                zeros[((g * rows) + r) / 8] |= (uint)((zero - 1) & 15) << (4 * (r % 8));
                foreach (int c in members)
                {
                    int q = Round(weights[(r * columns) + c], (float)(Half)scale, zero);
                    quants[(c / 8 * rows) + r] |= (uint)q << (4 * (c % 8));
                    decoded[(r * columns) + c] = (float)(Half)scale * (q - zero);
                }
            }
        }

        Add(file, module, quants, [columns / 8, rows], zeros, [groups, rows / 8], scales, [groups, rows]);
        if (actOrder) file.Tensor(module + ".g_idx", "I32", [columns], MemoryMarshal.AsBytes<int>(groupOf));
        return decoded;
    }

    /// <summary>qweight [inputs, outputs/8]: eight consecutive outputs per word, whose nibbles hold outputs 0, 2, 4, 6, 1, 3, 5,
    /// 7.</summary>
    private static float[] Awq(TinySafetensors file, string module, float[] weights, int rows, int columns)
    {
        int[] nibbleOf = [0, 4, 1, 5, 2, 6, 3, 7];
        int groups = columns / Group;
        uint[] quants = new uint[columns * rows / 8];
        uint[] zeros = new uint[groups * rows / 8];
        Half[] scales = new Half[groups * rows];
        float[] decoded = new float[rows * columns];
        for (int r = 0; r < rows; r++)
        {
            int shift = 4 * nibbleOf[r % 8];
            for (int g = 0; g < groups; g++)
            {
                (float scale, int zero) = Fit(Enumerable.Range(g * Group, Group).Select(c => weights[(r * columns) + c]));
                scales[(g * rows) + r] = (Half)scale;
                zeros[((g * rows) + r) / 8] |= (uint)zero << shift;
                for (int c = g * Group; c < (g + 1) * Group; c++)
                {
                    int q = Round(weights[(r * columns) + c], (float)(Half)scale, zero);
                    quants[((c * rows) + r) / 8] |= (uint)q << shift;
                    decoded[(r * columns) + c] = (float)(Half)scale * (q - zero);
                }
            }
        }

        Add(file, module, quants, [columns, rows / 8], zeros, [groups, rows / 8], scales, [groups, rows]);
        return decoded;
    }

    private static void Add(TinySafetensors file, string module, uint[] quants, long[] quantShape, uint[] zeros, long[] zeroShape,
        Half[] scales, long[] scaleShape) => file
        .Tensor(module + ".qweight", "I32", quantShape, MemoryMarshal.AsBytes<uint>(quants))
        .Tensor(module + ".qzeros", "I32", zeroShape, MemoryMarshal.AsBytes<uint>(zeros))
        .Tensor(module + ".scales", "F16", scaleShape, MemoryMarshal.AsBytes<Half>(scales));

    private static (float Scale, int Zero) Fit(IEnumerable<float> values)
    {
        float min = Math.Min(0, values.Min()), max = Math.Max(0, values.Max());
        float scale = (float)(Half)Math.Max((max - min) / 15, 1e-5f);
        return (scale, Math.Clamp((int)MathF.Round(-min / scale), 0, 15));
    }

    private static int Round(float value, float scale, int zero) => Math.Clamp((int)MathF.Round(value / scale) + zero, 0, 15);
}
