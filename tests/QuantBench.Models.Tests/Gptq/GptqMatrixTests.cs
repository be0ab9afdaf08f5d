using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;
using QuantBench.Models.Gptq;
using QuantBench.Models.Tests.Weights;
using QuantBench.Models.Weights;

namespace QuantBench.Models.Tests.Gptq;

public sealed class GptqMatrixTests
{
    private const string Module = "model.layers.0.self_attn.q_proj";

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Golden.Read("gptq.json").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReadRows_GivesTheGoldenWeights(int number)
    {
        JsonElement golden = Golden.Read("gptq.json")[number];
        using WeightDirectory model = Model(golden).Write(Config(golden));
        using SafetensorsWeights weights = model.Open();

        IWeightMatrix matrix = weights.Matrix(Module);

        Assert.IsType<GptqMatrix>(matrix);
        Assert.Equal(WeightFormat.Gptq, weights.Format);
        WeightMatrixReads.AssertRows(golden.Floats("rows"), matrix);
    }

    [Fact]
    public void Open_ReadsSettings_FromTheirOwnFile()
    {
        JsonElement golden = Golden.Read("gptq.json")[0];
        using WeightDirectory model = Model(golden).Write("{}");
        File.WriteAllText(Path.Combine(model.Path, "quantize_config.json"),
            """{ "bits": 4, "group_size": 8, "desc_act": false, "checkpoint_format": "gptq" }""");
        using SafetensorsWeights weights = model.Open();

        WeightMatrixReads.AssertRows(golden.Floats("rows"), weights.Matrix(Module));
    }

    [Theory]
    [InlineData("""{ "quantization_config": { "quant_method": "gptq", "bits": 5, "group_size": 8 } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": 0 } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": 8, "checkpoint_format": "marlin" } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "gptq", "bits": 4 } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "bitnet" } }""")]
    [InlineData("""{ "quantization_config": { "quant_method": "gptq", "bits": 4, "group_size": 16 } }""")] // scales are of groups of 8
    [InlineData("""{ "quantization_config": { "quant_method": "gptq", "bits": 8, "group_size": 8 } }""")] // words are of 4 bits
    public void Open_Refuses_WhenSettingsDontFit(string config)
    {
        using WeightDirectory model = Model(Golden.Read("gptq.json")[0]).Write(config);

        Assert.ThrowsAny<QuantBenchException>(() =>
        {
            using SafetensorsWeights weights = model.Open();
            weights.Matrix(Module);
        });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)] // one past the last group
    [InlineData(int.MaxValue)]
    public void Open_Refuses_WhenAnInputIsInNoGroup(int group)
    {
        JsonElement golden = Golden.Read("gptq.json")[1];
        byte[] order = golden.Bytes("order");
        BitConverter.TryWriteBytes(order.AsSpan(20), group);
        using WeightDirectory model = Model(golden, order).Write(Config(golden));

        Assert.Contains($"names group {group}", Assert.Throws<ModelFormatException>(model.Open).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gptq", """ "checkpoint_format": "gptq" """)]
    [InlineData("gptq_v2", """ "checkpoint_format": "gptq_v2" """)]
    [InlineData("gptq_v2", """ "format": "gptq_v2" """)]
    [InlineData("gptq_v2", """ "desc_act": false """)] // nothing said
    [InlineData("gptq", """ "desc_act": false """)]
    [InlineData("gptq_v2", """ "checkpoint_format": "gptq" """)] // the wrong one said
    [InlineData("gptq", """ "checkpoint_format": "gptq_v2" """)]
    public void Open_SeesWhichZeroPointsAreStored_WhenWeightsAreSymmetric(string stored, string said)
    {
        foreach (int bits in new[] { 2, 4, 8 })
        {
            var packed = new PackedGptq(bits, 64, symmetric: true);
            using WeightDirectory model = packed.Add(new WeightDirectory(), Module, stored).Write(Settings(bits, said));
            using SafetensorsWeights weights = model.Open();

            WeightMatrixReads.AssertRows(packed.Values, weights.Matrix(Module));
        }
    }

    [Theory]
    [InlineData("gptq", """ "checkpoint_format": "gptq" """, null)]
    [InlineData("gptq", """ "desc_act": false """, null)]
    [InlineData("gptq_v2", """ "desc_act": false """, null)]
    [InlineData("gptq_v2", """ "checkpoint_format": "gptq" """, "zero points are those of 'gptq_v2'")]
    [InlineData("gptq", """ "format": "gptq_v2" """, "zero points are those of 'gptq'")]
    public void Open_SeesWhichZeroPointsAreStored_WhenTheyDiffer(string stored, string said, string? refusal)
    {
        foreach (int bits in new[] { 2, 4 })
        {
            var packed = new PackedGptq(bits, 64, symmetric: false);
            using WeightDirectory model = packed.Add(new WeightDirectory(), Module, stored).Write(Settings(bits, said));
            if (refusal is not null)
            {
                Assert.Contains(refusal, Assert.Throws<ModelFormatException>(model.Open).Message, StringComparison.Ordinal);
                continue;
            }

            using SafetensorsWeights weights = model.Open();
            WeightMatrixReads.AssertRows(packed.Values, weights.Matrix(Module));
        }
    }

    [Fact]
    public void Open_Refuses_WhenNothingTellsWhichZeroPointsAreStored()
    {
        using WeightDirectory model = new PackedGptq(8, 64, symmetric: false).Add(new WeightDirectory(), Module, "gptq")
            .Write(Settings(8, """ "desc_act": false """));

        Assert.Contains("'gptq' or 'gptq_v2' is said nowhere", Assert.Throws<ModelFormatException>(model.Open).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ReadRows_ReadsModulesOfOtherBitsAndGroups_WhenTheConfigurationSaysThatTheyDiffer()
    {
        (string Name, PackedGptq Packed)[] modules =
            [("a", new PackedGptq(4, 64, true)), ("b", new PackedGptq(8, 32, true)), ("c", new PackedGptq(2, 256, true))];
        const string Dynamic = """ "checkpoint_format": "gptq", "dynamic": { "+:b": { "bits": 8, "group_size": 32 } } """;
        var model = new WeightDirectory();
        foreach ((string name, PackedGptq packed) in modules) packed.Add(model, name, "gptq");
        using WeightDirectory directory = model.Write(Settings(4, Dynamic));
        using SafetensorsWeights weights = directory.Open();

        Assert.All(modules, module => WeightMatrixReads.AssertRows(module.Packed.Values, weights.Matrix(module.Name)));
    }

    private static string Settings(int bits, string more) =>
        $$"""{ "quantization_config": { "quant_method": "gptq", "bits": {{bits}}, "group_size": 64, {{more}} } }""";

    private static string Config(JsonElement golden) =>
        $$"""
        { "quantization_config": { "quant_method": "gptq", "bits": {{golden.Int("bits")}}, "group_size": {{golden.Int("groupSize")}},
          "desc_act": true, "sym": false, "checkpoint_format": "{{golden.GetProperty("format").GetString()}}" } }
        """;

    private static WeightDirectory Model(JsonElement golden, byte[]? order = null)
    {
        (int inputs, int outputs, int bits) = (golden.Int("inputs"), golden.Int("outputs"), golden.Int("bits"));
        int groups = inputs / golden.Int("groupSize");
        int perWord = 32 / bits;
        WeightDirectory model = new WeightDirectory()
            .Add($"{Module}.qweight", SafetensorsDType.I32, [inputs / perWord, outputs], golden.Bytes("qweight"))
            .Add($"{Module}.qzeros", SafetensorsDType.I32, [groups, outputs / perWord], golden.Bytes("qzeros"))
            .Add($"{Module}.scales", SafetensorsDType.F16, [groups, outputs], golden.Bytes("scales"));
        if (order is null && golden.GetProperty("order").ValueKind == JsonValueKind.String) order = golden.Bytes("order");
        return order is null ? model : model.Add($"{Module}.g_idx", SafetensorsDType.I32, [inputs], order);
    }
}
