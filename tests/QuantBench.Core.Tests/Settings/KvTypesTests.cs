using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Suites;
using QuantBench.Core.Variants;

namespace QuantBench.Core.Tests.Settings;

public sealed class KvTypesTests
{
    [Theory]
    [InlineData("q8_0", "", "", """{"kv_type":"q8_0"}""")]
    [InlineData("f16", "q8_0", "", """{"kv_type_k":"q8_0","kv_type_v":"f16"}""")]
    [InlineData("f16", "", "q4_0", """{"kv_type_k":"f16","kv_type_v":"q4_0"}""")]
    [InlineData("q4_0", "q8_0", "f16", """{"kv_type_k":"q8_0","kv_type_v":"f16"}""")] // kv_type says nothing more
    [InlineData("f16", "q8_0", "q8_0", """{"kv_type":"q8_0"}""")]
    [InlineData("q8_0", "q8_0", "", """{"kv_type":"q8_0"}""")]
    public void Settle_GivesOneSpelling_ToOneCache(string both, string keys, string values, string expected)
    {
        CellSettings given = Given(both, keys, values);

        CellSettings settled = KvTypes.Settle(given);

        Assert.Equal(expected, settled.ToString());
        Assert.Equal((KvTypes.OfKeys(given), KvTypes.OfValues(given)), (KvTypes.OfKeys(settled), KvTypes.OfValues(settled)));
    }

    [Theory]
    [InlineData("f16", "", "", "f16", "")]
    [InlineData("f32", "", "", "f32", "")]
    [InlineData("f16", "f32", "f32", "f32", "")]
    [InlineData("f16", "q8_0", "", "f16", ";reference_kv=f16")]
    [InlineData("f16", "", "bf16", "f16", ";reference_kv=f16")]
    [InlineData("q4_0", "f16", "f16", "f16", "")] // neither is rounded
    [InlineData("q4_0", "f32", "f16", "f16", "")]
    public void Reference_HasACacheThatRoundsNothing(string both, string keys, string values, string expected, string unlike)
    {
        var cell = new Cell("m", Variant.Parse("Q4_0"), new BackendId("e", "cpu"), "divergence", Given(both, keys, values));

        Assert.Equal(expected, ReferenceNeed.RunSettingsOf(cell).Text("kv_type"));
        Assert.False(KvTypes.AreRounded(ReferenceNeed.RunSettingsOf(cell)));
        Assert.Equal(unlike, ReferenceNeed.Unlike(cell));
    }

    [Fact]
    public void Reference_ChoosesItsAttentionItself()
    {
        var cell = new Cell("m", Variant.Parse("Q4_0"), new BackendId("e", "cpu"), "divergence",
            CellSettings.Empty.With("flash_attention", "off"));

        Assert.Equal("auto", ReferenceNeed.RunSettingsOf(cell).Text("flash_attention"));
        Assert.Equal(";reference_flash_attention=auto", ReferenceNeed.Unlike(cell));
    }

    [Theory]
    [InlineData("q8_0", "kl-v1;n_ctx=512;reference=gguf:F32", true)]
    [InlineData("q8_0", "kl-v1;n_ctx=512;reference=gguf:F32;reference_kv=f16", false)]
    [InlineData("f16", "kl-v1;n_ctx=512;reference=gguf:F32", false)]
    [InlineData("q8_0", "ppl-v1;n_ctx=512", false)] // compares with nothing
    public void Marks_NameStoredDivergences_ThatLackTheCachesDamage(string kvType, string protocol, bool marked)
    {
        var cell = new Cell("m", Variant.Parse("Q4_0"), new BackendId("e", "cpu"), "divergence",
            CellSettings.Empty.With("kv_type", kvType));
        var result = new CellResult
        {
            Cell = cell,
            Status = CellStatus.Ok,
            Notes = ["as recorded"],
            Metrics = [Measurement.Of("kl_mean", 0.01) with { Protocol = protocol }],
        };

        string[] expected = marked ? ["as recorded", KvTypes.DamageMissing] : ["as recorded"];
        Assert.Equal(expected, result.Marks.ToArray());
    }

    private static CellSettings Given(string both, string keys, string values)
    {
        CellSettings settings = CellSettings.Empty.With("kv_type", both);
        if (keys.Length > 0) settings = settings.With("kv_type_k", keys);
        return values.Length > 0 ? settings.With("kv_type_v", values) : settings;
    }
}
