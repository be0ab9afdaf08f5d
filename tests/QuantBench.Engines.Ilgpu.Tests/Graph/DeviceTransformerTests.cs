using QuantBench.Engines.Ilgpu.Graph;

namespace QuantBench.Engines.Ilgpu.Tests.Graph;

public sealed class DeviceTransformerTests
{
    [Theory]
    [InlineData(132, 32, 1, 8192, 9)] // an H100's: 288 groups for its 132 multiprocessors
    [InlineData(132, 32, 1, 300, 3)] // no more than there are blocks of 128 keys
    [InlineData(132, 32, 1, 1, 1)]
    [InlineData(132, 4, 1, 100_000, 64)] // the most
    [InlineData(132, 32, 4, 8192, 3)]
    [InlineData(132, 32, 5, 8192, 1)] // a prompt's tokens are groups enough
    [InlineData(2, 32, 1, 8192, 1)] // few multiprocessors are full anyway
    public void Parts_FillTheDevice_WithoutEmptyOnes(int multiprocessors, int heads, int tokens, int keys, int expected) =>
        Assert.Equal(expected, DeviceTransformer.Parts(multiprocessors, heads, tokens, keys, block: 128));
}
