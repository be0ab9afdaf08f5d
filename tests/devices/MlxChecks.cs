using System.Runtime.InteropServices;
using System.Text;
using QuantBench.Engines.Ilgpu.Graph;
using QuantBench.Formats.Mlx;
using QuantBench.Formats.Safetensors;

namespace QuantBench.DeviceCheck;

/// <summary>Products and lookups of MLX's affine code at every width, group size and type of scales.</summary>
internal static class MlxChecks
{
    /// <summary>Checks them; throws <see cref="CheckFailedException"/> at the first difference.</summary>
    /// <returns>Number of results compared.</returns>
    public static long Run(TestDevice device)
    {
        long compared = 0;
        foreach (int bits in new[] { 2, 3, 4, 5, 6, 8 })
        {
            foreach ((int group, string scales, int rows,
                int tokens) in new[] { (32, "F16", 33, 5), (64, "BF16", 1, 1), (128, "F32", 35, 2) })
            {
                if (device.IsSimulated && rows > 1) continue;
                compared += Run(device, bits, group, scales, rows, 3 * group, tokens);
            }
        }

        return compared;
    }

    private static long Run(TestDevice device, int bits, int group, string scaleType, int rows, int columns, int tokens)
    {
        var random = new Random(bits + group);
        string directory = Directory.CreateTempSubdirectory("quantbench-devicecheck-").FullName;
        try
        {
            int groups = columns / group;
            byte[] packed = new byte[rows * columns * bits / 8];
            random.NextBytes(packed);

            // MLX's scales may be negative.
            float[] scales = [.. Enumerable.Range(0, rows * groups).Select(_ => (float)((random.NextDouble() - 0.5) * 0.1))];
            float[] biases = [.. Enumerable.Range(0, rows * groups).Select(_ => (float)(random.NextDouble() - 0.5))];
            Write(
                Path.Combine(directory, "model.safetensors"), ("m.weight", "U32", [rows, columns * bits / 32], packed),
                ("m.scales", scaleType, [rows, groups], Encode(scales, scaleType)),
                ("m.biases", scaleType, [rows, groups], Encode(biases, scaleType)));
            using SafetensorsModel model = SafetensorsModel.Open(directory);
            MlxMatrix matrix = MlxMatrix.Open(model, directory, "m", new MlxQuantization(bits, group));
            float[] weights = new float[rows * columns];
            matrix.ReadRows(0, rows, weights);
            using var test = new TestMatrix(DeviceMatrix.Upload(device.Memory, "a test", matrix, 0, rows), weights, rows, columns);
            return ProductChecks.Run(device, test, tokens, random, exact: false, $"MLX {bits} bits, groups of {group}, {scaleType}");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Floats in a type of safetensors.</summary>
    public static byte[] Encode(float[] values, string type) => type switch
    {
        "F32" => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
        "F16" => [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))],
        _ => [.. values.SelectMany(v => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(v) >> 16)))],
    };

    /// <summary>Writes a safetensors file.</summary>
    public static void Write(string path, params ReadOnlySpan<(string Name, string Type, int[] Shape, byte[] Data)> tensors)
    {
        var header = new StringBuilder("{");
        using var data = new MemoryStream();
        foreach ((string name, string type, int[] shape, byte[] bytes) in tensors)
        {
            if (header.Length > 1) header.Append(',');
            header.Append(
                $"\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(',', shape)}],"
                    + $"\"data_offsets\":[{data.Length},{data.Length + bytes.Length}]}}");
            data.Write(bytes);
        }

        header.Append('}');
        byte[] json = Encoding.UTF8.GetBytes(header.ToString());
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. data.ToArray()]);
    }
}
