using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Awq;
using QuantBench.Models.Directories;
using QuantBench.Models.Tests.Weights;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Tests.Awq;

public sealed class AwqMatrixTests
{
    private const string Module = "model.layers.0.mlp.up_proj";

    [Theory]
    [InlineData("""{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 16, "zero_point": true"""
        + """, "version": "gemm" } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "awq", "w_bit": 4, "q_group_size": 16, "version": "GEMM" } }""")]
    public void ReadRows_GivesTheGoldenWeights(string config)
    {
        JsonElement golden = Golden.Read("awq.json")[0];
        using WeightDirectory model = Model(golden).Write(config);
        using SafetensorsWeights weights = model.Open();

        IWeightMatrix matrix = weights.Matrix(Module);

        Assert.IsType<AwqMatrix>(matrix);
        Assert.Equal(WeightFormat.Awq, weights.Format);
        WeightMatrixReads.AssertRows(golden.Floats("rows"), matrix);
    }

    [Fact]
    public void Open_ReadsSettings_FromTheirOwnFile()
    {
        JsonElement golden = Golden.Read("awq.json")[0];
        using WeightDirectory model = Model(golden).Write("{}");
        File.WriteAllText(Path.Combine(model.Path, "quant_config.json"),
            """{ "zero_point": true, "q_group_size": 16, "w_bit": 4, "version": "GEMM" }""");
        using SafetensorsWeights weights = model.Open();

        WeightMatrixReads.AssertRows(golden.Floats("rows"), weights.Matrix(Module));
    }

    [Theory]
    [InlineData("""{ "quantization_config": { "quant_method": "awq", "bits": 8, "group_size": 16 } }""")]
    // 32 inputs aren't whole groups of 12
    [InlineData("""{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 12 } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 32 } }""")] // there are 2 groups of scales
    [InlineData("""{ "quantization_config": { "quant_method": "awq", "bits": 4, "group_size": 16, "version": "gemv" } }""")]
    public void Open_Refuses_WhenSettingsDontFit(string config)
    {
        using WeightDirectory model = Model(Golden.Read("awq.json")[0]).Write(config);

        Assert.ThrowsAny<QuantBenchException>(() =>
        {
            using SafetensorsWeights weights = model.Open();
            weights.Matrix(Module);
        });
    }

    private static WeightDirectory Model(JsonElement golden)
    {
        (int inputs, int outputs) = (golden.Int("inputs"), golden.Int("outputs"));
        int groups = inputs / golden.Int("groupSize");
        return new WeightDirectory()
            .Add($"{Module}.qweight", SafetensorsDType.I32, [inputs, outputs / 8], golden.Bytes("qweight"))
            .Add($"{Module}.qzeros", SafetensorsDType.I32, [groups, outputs / 8], golden.Bytes("qzeros"))
            .Add($"{Module}.scales", SafetensorsDType.F16, [groups, outputs], golden.Bytes("scales"));
    }
}
