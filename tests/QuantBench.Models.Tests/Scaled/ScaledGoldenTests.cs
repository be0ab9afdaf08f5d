using System.Text.Json;
using QuantBench.Core.Errors;
using QuantBench.Core.Variants;
using QuantBench.Formats.Safetensors;
using QuantBench.Models.Directories;
using QuantBench.Models.Sources;
using QuantBench.Models.Tests.Weights;

namespace QuantBench.Models.Tests.Scaled;

/// <summary>Every way of small floats and whole numbers under scales, against a decoder that shares no code with the first.</summary>
public sealed class ScaledGoldenTests
{
    public static TheoryData<string> Cases =>
        [.. Golden.Read("scaled.json").EnumerateArray().Select(g => g.GetProperty("name").GetString() ?? "")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReadRows_GivesTheGoldenWeights(string name)
    {
        JsonElement golden = Case(name);
        using WeightDirectory model = Write(golden, golden.GetProperty("config").GetString() ?? "");
        using SafetensorsWeights weights = model.Open();

        WeightMatrixReads.AssertRows(golden.Floats("values"), weights.Matrix("m"));
        Assert.Equal((golden.Int("rows"), golden.Int("columns")), (weights.Matrix("m").Rows, weights.Matrix("m").Columns));
        Assert.Equal(weights.Model.Tensors.Values.Sum(t => t.ByteSize), weights.Matrix("m").ByteSize);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quantized_NamesTheVariant_WhichIsKnown(string name)
    {
        JsonElement golden = Case(name);
        using WeightDirectory model = Write(golden, golden.GetProperty("config").GetString() ?? "");

        string? variant = DirectoryVariant.Quantized(model.Path);

        Assert.Equal(golden.GetProperty("variant").GetString(), variant);
        Assert.True(Variant.TryParse(variant ?? "", out _));
    }

    /// <summary>A server also rounds what goes in; figures here don't show that, and say so.</summary>
    [Theory]
    [InlineData("ct nvfp4", true)]
    [InlineData("fp8 block", true)]
    [InlineData("ct 4bit-g32", false)]
    [InlineData("bnb nf4", false)]
    public void Note_SaysWhatIsNotMeasured(string name, bool expected)
    {
        JsonElement golden = Case(name);
        using WeightDirectory model = Write(golden, golden.GetProperty("config").GetString() ?? "");

        Assert.Equal(expected, DirectoryVariant.Note(model.Path) is not null);
    }

    /// <summary>A setting that nobody here knows may change what the weights mean.</summary>
    [Theory]
    [InlineData("ct 4bit-g32", "\"format\"", "\"rotation\": \"hadamard\", \"format\"", "'rotation'")]
    [InlineData("ct 4bit-g32", "\"num_bits\": 4", "\"num_bits\": 3", "3 bits")]
    [InlineData("ct 4bit-g32", "\"num_bits\"", "\"zeta\": 1, \"num_bits\"", "'zeta'")]
    [InlineData("ct 4bit-g32", "\"ignore\"", "\"sparsity_config\": {\"format\": \"sparse-24-bitmask\"}, \"ignore\"", "sparse-24-bitmask")]
    [InlineData("ct 4bit-g32", "\"ignore\"", "\"transform_config\": {\"config_groups\": {\"a\": {}}}, \"ignore\"", "transform_config")]
    [InlineData("modelopt nvfp4", "\"NVFP4\"", "\"W4A8_AWQ\"", "W4A8_AWQ")]
    [InlineData("fp8 block", "\"e4m3\"", "\"e5m2\"", "e5m2")]
    [InlineData("fp8 block", "\"fmt\"", "\"rounding\": \"up\", \"fmt\"", "'rounding'")]
    [InlineData("bnb nf4", "\"nf4\"", "\"nf5\"", "nf5")]
    [InlineData("bnb nf4", "\"load_in_4bit\"", "\"load_in_8bit\"", "8 bits")]
    [InlineData("mlx mxfp4", "\"mxfp4\"", "\"mxfp6\"", "mxfp6")]
    [InlineData("mlx mxfp4", "\"bits\"", "\"hadamard\": true, \"global_scale\": 2, \"bits\"", "global_scale")]
    [InlineData("gptq 3 bits, gptq", "\"bits\"", "\"pack_dtype\": \"int16\", \"bits\"", "int16")]
    public void Open_Refuses_SettingsItDoesntKnow(string name, string old, string now, string named)
    {
        JsonElement golden = Case(name);
        string config = golden.GetProperty("config").GetString() ?? "";
        Assert.Contains(old, config, StringComparison.Ordinal);
        using WeightDirectory model = Write(golden, config.Replace(old, now, StringComparison.Ordinal));

        UnsupportedException error = Assert.Throws<UnsupportedException>(() =>
        {
            using SafetensorsWeights weights = model.Open();
        });

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Bytes of the header and of the configuration, changed at random: a value or one clear error.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Matrix_RaisesOnlyFormatErrors_WhenBytesAreChanged(string name)
    {
        JsonElement golden = Case(name);
        string config = golden.GetProperty("config").GetString() ?? "";
        const string Printable = "0123456789{}[]\",:-eabgtf_ ";
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            using WeightDirectory model = Write(golden, config);
            string file = Path.Combine(model.Path, random.Next(2) == 0 ? "config.json" : SafetensorsModel.SingleFile);
            byte[] bytes = File.ReadAllBytes(file);
            for (int i = random.Next(1, 4); i > 0; i--)
                bytes[random.Next(8, Math.Min(bytes.Length, 800))] = (byte)Printable[random.Next(Printable.Length)];
            File.WriteAllBytes(file, bytes);

            Exception? e = Record.Exception(() =>
            {
                using SafetensorsWeights weights = model.Open();
                QuantBench.Models.Weights.IWeightMatrix matrix = weights.Matrix("m");
                matrix.ReadRows(0, matrix.Rows, new float[matrix.Rows * matrix.Columns]);
            });

            Assert.True(e is null or ModelFormatException or UnsupportedException, $"seed {seed}: {e}");
        }
    }

    private static JsonElement Case(string name) =>
        Golden.Read("scaled.json").EnumerateArray().Single(g => g.GetProperty("name").GetString() == name);

    private static WeightDirectory Write(JsonElement golden, string config)
    {
        var model = new WeightDirectory();
        foreach (JsonElement tensor in golden.GetProperty("tensors").EnumerateArray())
        {
            model.Add(tensor.GetProperty("name").GetString() ?? "",
                Enum.Parse<SafetensorsDType>(tensor.GetProperty("dtype").GetString() ?? ""),
                [.. tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())],
                Convert.FromHexString(tensor.GetProperty("data").GetString() ?? ""));
        }

        return model.Write(config);
    }
}
