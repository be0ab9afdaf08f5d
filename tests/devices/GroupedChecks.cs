using System.Runtime.InteropServices;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Engines.Managed.Kernels;
using QuantBench.Formats.Awq;
using QuantBench.Formats.Gptq;
using QuantBench.Formats.Safetensors;
using QuantBench.Formats.Weights;

namespace QuantBench.DeviceCheck;

/// <summary>Products and lookups of GPTQ's and AWQ's codes, whole matrices and slices of them, against the formats' own decoders.</summary>
internal static class GroupedChecks
{
    /// <summary>Checks them; throws <see cref="CheckFailedException"/> at the first difference.</summary>
    /// <returns>Number of results compared.</returns>
    public static long Run(TestDevice device)
    {
        long compared = 0;

        // Group sizes: a power of two, three times one, and the whole row; then columns that are in groups by no order, and AWQ (0 bits).
        foreach ((int bits, int group,
            bool shuffled) in new[] { (4, 64, false), (8, 96, false), (2, -1, false), (4, 32, true), (0, 32, false), (0, -1, false) })
        {
            if (device.IsSimulated && (bits == 2 || shuffled)) continue;
            compared += Run(device, bits, group, shuffled, rows: device.IsSimulated ? 8 : 48, columns: 192,
                tokens: device.IsSimulated ? 1 : 5);
        }

        return compared;
    }

    private static long Run(TestDevice device, int bits, int group, bool shuffled, int rows, int columns, int tokens)
    {
        var random = new Random(bits + group + 1);
        string directory = Directory.CreateTempSubdirectory("quantbench-devicecheck-").FullName;
        try
        {
            bool awq = bits == 0;
            int width = awq ? 4 : bits, size = group == -1 ? columns : group, groups = columns / size, perWord = 32 / width;
            int[] wordShape = awq ? [columns, rows / perWord] : [columns / perWord, rows];
            byte[] words = Bytes(random, 4 * wordShape[0] * wordShape[1]), zeros = Bytes(random, 4 * groups * rows / perWord);
            float[] scales = [.. Enumerable.Range(0, rows * groups).Select(_ => (float)(random.NextDouble() * 0.1))];
            int[] order = [.. Enumerable.Range(0, columns).Select(c => c / size)];
            if (shuffled) random.Shuffle(order);
            (string, string, int[], byte[])[] tensors =
            [
                ("m.qweight", "I32", wordShape, words), ("m.qzeros", "I32", [groups, rows / perWord], zeros),
                ("m.scales", "F16", [groups, rows], MlxChecks.Encode(scales, "F16")),
                ("m.g_idx", "I32", [columns], MemoryMarshal.AsBytes(order.AsSpan()).ToArray()),
            ];
            MlxChecks.Write(Path.Combine(directory, "model.safetensors"), awq ? tensors.AsSpan(0, 3) : tensors);
            using SafetensorsModel model = SafetensorsModel.Open(directory);
            IGroupedMatrix matrix = awq ? AwqMatrix.Open(model, directory, "m", new AwqConfig(group))
                : GptqMatrix.Open(model, directory, "m", new GptqConfig(bits, group, 1));
            long compared = 0;
            foreach ((int first, int count) in new[] { (0, rows), (8, rows - 8) })
            {
                if (count == 0) continue;
                float[] weights = new float[count * columns];
                matrix.ReadRows(first, count, weights);
                using var test = new TestMatrix(DeviceMatrix.Upload(device.Memory, "a test", new WeightMatrix(matrix).Slice(first, count)),
                    weights, count, columns);
                compared += ProductChecks.Run(
                    device, test, tokens, random, exact: false,
                    $"{(awq ? "AWQ" : $"GPTQ {bits} bits")}, groups of {size}{(shuffled ? " in any order" : "")}, rows from {first}");
            }

            return compared;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
