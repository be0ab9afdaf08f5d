using FsCheck.Xunit;
using QuantBench.Core.Settings;

namespace QuantBench.Core.Tests.Settings;

public sealed class MatrixSizeTests
{
    [Property]
    public void TryParse_ReadsWhatToStringWrites(ushort rows, ushort columns)
    {
        var size = new MatrixSize((rows % 20_000) + 1, (columns % 20_000) + 1);

        Assert.True(MatrixSize.TryParse(size.ToString(), out MatrixSize read));
        Assert.Equal(size, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("4096")]
    [InlineData("4096x")]
    [InlineData("x4096")]
    [InlineData("4096X4096")] // one spelling for one matrix: the cell's id hangs on it
    [InlineData("04096x4096")]
    [InlineData("4096x4096x2")]
    [InlineData("-1x32")]
    [InlineData(" 64x64")]
    [InlineData("0x32")]
    [InlineData("1048577x1")] // one more than the largest side
    [InlineData("1048576x1024")] // twice the most elements
    public void TryParse_RefusesAnythingElse(string text) => Assert.False(MatrixSize.TryParse(text, out _));

    [Property]
    public void TryParse_NeverThrows_AndGivesOnlyAllowedSizes(string? text)
    {
        if (MatrixSize.TryParse(text ?? "", out MatrixSize size)) Assert.InRange(size.Elements, 1, MatrixSize.MostElements);
    }
}
