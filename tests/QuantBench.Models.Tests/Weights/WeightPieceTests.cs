using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Tests.Weights;

/// <summary>Rows longer than a piece, in every format, read whole and in pieces. Golden matrices are shorter.</summary>
public sealed class WeightPieceTests
{
    private const int Rows = 16;
    private const int Columns = 1280;

    public static TheoryData<string> Configs =>
    [
        """{ "quantization": { "group_size": 32, "bits": 2 } }""",
        """{ "quantization": { "group_size": 64, "bits": 3 } }""",
        """{ "quantization": { "group_size": 128, "bits": 4 } }""",
        """{ "quantization": { "group_size": 32, "bits": 5 } }""",
        """{ "quantization": { "group_size": 64, "bits": 6 } }""",
        """{ "quantization": { "group_size": 128, "bits": 8 } }""",
        """{ "quantization_config": { "quant_method": "gptq", "bits": 2, "group_size": 64, "format": "gptq_v2" } }""",
        """{ "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": 128, "format": "gptq_v2" } }""",
        """{ "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": 128, "format": "gptq_v2", "desc_act": true } }""",
        """{ "quantization_config": { "quant_method": "gptq", "bits": 8, "group_size": -1, "format": "gptq_v2" } }""",
        """{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 128 } }""",
        """{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": -1 } }""",
        """{ "floats": "F32" }""",
        """{ "floats": "F16" }""",
        """{ "floats": "BF16" }""",
    ];

    [Theory]
    [MemberData(nameof(Configs))]
    public void ReadPiece_GivesThePieceOfTheRow(string config)
    {
        using WeightDirectory directory = Directory(config);
        using SafetensorsWeights weights = directory.Open();
        IWeightMatrix matrix = weights.Matrix("a");
        float[] expected = new float[Rows * Columns];
        matrix.ReadRows(0, Rows, expected);

        WeightMatrixReads.AssertRows(expected, matrix);
    }

    private static WeightDirectory Directory(string config)
    {
        var directory = new WeightDirectory();
        var random = new Random(11);
        int group = Number(config, "group_size");
        int bits = Number(config, "bits");
        int groups = group > 0 ? Columns / group : 1;
        if (config.Contains("quantization\"", StringComparison.Ordinal))
        {
            directory.Add("a.weight", SafetensorsDType.U32, [Rows, Columns * bits / 32], Bytes(Rows * Columns * bits / 8));
            directory.Add("a.scales", SafetensorsDType.BF16, [Rows, groups], Halves(Rows * groups));
            directory.Add("a.biases", SafetensorsDType.BF16, [Rows, groups], Halves(Rows * groups));
        }
        else if (config.Contains("gptq", StringComparison.Ordinal))
        {
            directory.Add("a.qweight", SafetensorsDType.I32, [Columns * bits / 32, Rows], Bytes(Rows * Columns * bits / 8));
            directory.Add("a.qzeros", SafetensorsDType.I32, [groups, Rows * bits / 32], Bytes(groups * Rows * bits / 8));
            directory.Add("a.scales", SafetensorsDType.F16, [groups, Rows], Halves(groups * Rows));
            if (config.Contains("desc_act", StringComparison.Ordinal))
            {
                directory.Add("a.g_idx", SafetensorsDType.I32, [Columns],
                    [.. Enumerable.Range(0, Columns).SelectMany(_ => BitConverter.GetBytes(random.Next(groups)))]);
            }
        }
        else if (config.Contains("awq", StringComparison.Ordinal))
        {
            directory.Add("a.qweight", SafetensorsDType.I32, [Columns, Rows / 8], Bytes(Columns * Rows / 2));
            directory.Add("a.qzeros", SafetensorsDType.I32, [groups, Rows / 8], Bytes(groups * Rows / 2));
            directory.Add("a.scales", SafetensorsDType.F16, [groups, Rows], Halves(groups * Rows));
        }
        else
        {
            SafetensorsDType type = Enum.Parse<SafetensorsDType>(config.Split('"')[3]);
            directory.Add("a.weight", type, [Rows, Columns],
                type == SafetensorsDType.F32 ? Floats(Rows * Columns) : Halves(Rows * Columns));
        }

        return directory.Write(config);

        byte[] Bytes(int count)
        {
            byte[] bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }

        // Small positive numbers, both as halves and as bfloat16.
        byte[] Halves(int count) =>
            [.. Enumerable.Range(0, count).SelectMany(_ => BitConverter.GetBytes((ushort)random.Next(0x2000, 0x3C00)))];

        byte[] Floats(int count) => [.. Enumerable.Range(0, count).SelectMany(_ => BitConverter.GetBytes(random.NextSingle()))];
    }

    private static int Number(string config, string key)
    {
        int at = config.IndexOf($"\"{key}\":", StringComparison.Ordinal);
        return at < 0 ? 0
            : int.Parse(new string([.. config[(at + key.Length + 3)..].TrimStart().TakeWhile(c => c is '-' or (>= '0' and <= '9'))]));
    }
}
