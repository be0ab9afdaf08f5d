using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;
using QuantBench.Models.Tests.Weights;
using QuantBench.Models.Weights;
using QuantBench.TestKit;

namespace QuantBench.Models.Tests.Directories;

public sealed class SafetensorsWeightsTests
{
    [Fact]
    public void Matrix_GivesFloats_OfTheReferenceModel()
    {
        using SafetensorsWeights weights = SafetensorsWeights.Open(ReferenceModel.Directory);

        IWeightMatrix matrix = weights.Matrix("model.layers.2.mlp.gate_proj");
        float[] row = new float[256];
        matrix.ReadRows(767, 1, row);

        Assert.Equal(WeightFormat.Float, weights.Format);
        Assert.Equal((768, 256), (matrix.Rows, matrix.Columns));
        SafetensorsTensorInfo tensor = weights.Model.Tensors["model.layers.2.mlp.gate_proj.weight"];
        ReadOnlySpan<byte> last = weights.Model.Span(tensor, 767 * 512, 512);
        Assert.All(row, value => Assert.True(float.IsFinite(value)));
        Assert.Equal((ushort)(BitConverter.SingleToUInt32Bits(row[255]) >> 16), BitConverter.ToUInt16(last[510..]));
        Assert.Equal(256, weights.Vector("model.norm.weight", 256).Length);
        Assert.Throws<ModelFormatException>(() => weights.Vector("model.norm.weight", 255));
        Assert.Throws<ModelFormatException>(() => weights.Vector("model.nothing.weight", 256));
        Assert.Throws<ModelFormatException>(() => weights.Matrix("model.norm")); // a vector
        Assert.Throws<ModelFormatException>(() => weights.Matrix("model.nothing"));
        Assert.DoesNotContain("lm_head.weight", weights.Model.Tensors.Keys);
    }

    /// <summary>All three packed formats, with bytes of config.json and of the tensors' header changed at random.</summary>
    [Property(MaxTest = 300)]
    public void Matrix_RaisesOnlyFormatErrors_WhenBytesAreChanged(int seed)
    {
        var random = new Random(seed);
        string[] configs =
        [
            """{ "quantization": { "group_size": 64, "bits": 4, "mode": "affine", "a": { "bits": 4 }, "b": false } }""",
            """{ "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": 64, "checkpoint_format": "gptq" } }""",
            """{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm" } }""",
        ];
        using WeightDirectory model = new WeightDirectory()
            .Add("a.weight", SafetensorsDType.U32, [64, 8], new byte[64 * 32])
            .Add("a.qweight", SafetensorsDType.I32, [64, 8], new byte[64 * 32])
            .Add("a.qzeros", SafetensorsDType.I32, [1, 8], new byte[32])
            .Add("a.g_idx", SafetensorsDType.I32, [64], new byte[256])
            .Add("a.scales", SafetensorsDType.F16, [64, 1], new byte[128])
            .Add("a.biases", SafetensorsDType.F16, [64, 1], new byte[128])
            .Write(configs[random.Next(configs.Length)]);
        string file = Path.Combine(model.Path, random.Next(2) == 0 ? "config.json" : SafetensorsModel.SingleFile);
        byte[] bytes = File.ReadAllBytes(file);
        string printable = "0123456789{}[]\",:-eabgtf ";
        for (int i = random.Next(1, 4); i > 0; i--)
            bytes[random.Next(8, Math.Min(bytes.Length, 600))] = (byte)printable[random.Next(printable.Length)];
        File.WriteAllBytes(file, bytes);

        Exception? e = Record.Exception(() =>
        {
            using SafetensorsWeights weights = model.Open();
            IWeightMatrix matrix = weights.Matrix("a");
            matrix.ReadRows(0, matrix.Rows, new float[matrix.Rows * matrix.Columns]);
        });

        Assert.True(e is null or ModelFormatException or UnsupportedException, $"seed {seed}: {e}");
    }
}
