using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Tests.Formatting;

public sealed class ByteUnitsTests
{
    [Fact]
    public async Task Use_ChangesTheUnits_OfThatWorkAlone()
    {
        string inside = await Task.Run(() =>
        {
            ByteUnits.Use(isDecimal: true);
            return Format.Bytes(3_500_000) + " " + Format.Bytes(999);
        });

        Assert.Equal("3.50\u00a0MB 999\u00a0B", inside);
        Assert.Equal("3.34\u00a0MiB", Format.Bytes(3_500_000));
    }
}
