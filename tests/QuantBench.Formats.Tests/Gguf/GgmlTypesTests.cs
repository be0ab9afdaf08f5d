using QuantBench.Formats.Gguf;

namespace QuantBench.Formats.Tests.Gguf;

public class GgmlTypesTests
{
    // id name elements bytes, of ggml 0.25.1. These numbers are in files and never change.
    private const string Frozen =
        "0 F32 1 4;1 F16 1 2;2 Q4_0 32 18;3 Q4_1 32 20;6 Q5_0 32 22;7 Q5_1 32 24;8 Q8_0 32 34;9 Q8_1 32 36;10 Q2_K 256 84;11 Q3_K 256 110;"
        + "12 Q4_K 256 144;13 Q5_K 256 176;14 Q6_K 256 210;15 Q8_K 256 292;16 IQ2_XXS 256 66;17 IQ2_XS 256 74;18 IQ3_XXS 256 98;19 IQ1_S "
        + "256 50;"
        + "20 IQ4_NL 32 18;21 IQ3_S 256 110;22 IQ2_S 256 82;23 IQ4_XS 256 136;24 I8 1 1;25 I16 1 2;26 I32 1 4;27 I64 1 8;28 F64 1 8;29 "
        + "IQ1_M 256 56;"
        + "30 BF16 1 2;34 TQ1_0 256 54;35 TQ2_0 256 66;39 MXFP4 32 17;40 NVFP4 64 36;41 Q1_0 128 18;42 Q2_0 64 18";

    [Fact]
    public void All_IsFrozen()
    {
        string all = string.Join(';', GgmlTypes.All.Select(info => $"{(int)info.Type} {info.Name} {info.BlockElements} {info.BlockBytes}"));

        Assert.Equal(Frozen, all);
    }

    [Fact]
    public void All_HasEveryMemberOfTheEnumUnderItsName()
    {
        Assert.Equal(Enum.GetValues<GgmlType>(), GgmlTypes.All.Select(info => info.Type));
        Assert.All(GgmlTypes.All, info => Assert.Equal(info.Type.ToString(), info.Name));
    }

    [Theory]
    [InlineData(4)] // withdrawn
    [InlineData(31)] // withdrawn
    [InlineData(38)] // withdrawn
    [InlineData(43)] // one past the last
    [InlineData(uint.MaxValue)]
    public void TryGet_FindsNothing_WhenTheIdIsUnknown(uint id) => Assert.False(GgmlTypes.TryGet(id, out _));

    [Theory]
    [InlineData(GgmlType.F32, 3, 12)]
    [InlineData(GgmlType.Q4_K, 512, 288)]
    [InlineData(GgmlType.Q8_0, 0, 0)]
    public void ByteSize_CountsBlocks(GgmlType type, long elements, long bytes) => Assert.Equal(bytes, GgmlTypes.ByteSize(type, elements));

    [Fact]
    public void ByteSize_Refuses_WhenABlockIsBroken() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GgmlTypes.ByteSize(GgmlType.Q8_0, 33));
}
