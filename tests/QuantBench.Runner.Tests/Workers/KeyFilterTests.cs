using System.Text;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tests.Workers;

public sealed class KeyFilterTests
{
    private const string Key = "sk-secret-1";

    [Theory]
    [InlineData("key sk-secret-1 is wrong", "key *** is wrong")]
    [InlineData("sk-secret-1sk-secret-1", "******")]
    [InlineData("sk-secret-", "sk-secret-")] // no more comes
    [InlineData("sk-sk-secret-1.", "sk-***.")]
    [InlineData("sk-secret-1-longer", "***")] // another key that begins with the first
    [InlineData("sk-secret-1-lo", "***-lo")]
    [InlineData("a short one stays", "a short one stays")]
    public void Next_TakesKeysOut_HoweverTheTextIsCut(string said, string written)
    {
        for (int piece = 1; piece <= said.Length; piece++)
        {
            var filter = new KeyFilter([Key, Key + "-longer", "short"]);
            var output = new StringBuilder();
            foreach (byte[] bytes in Encoding.UTF8.GetBytes(said).Chunk(piece))
                output.Append(Encoding.UTF8.GetString(filter.Next(bytes).Span));
            output.Append(Encoding.UTF8.GetString(filter.Rest().Span));

            Assert.Equal(written, output.ToString());
        }
    }

    [Fact]
    public async Task Log_HasNoKey_NeitherInItsFileNorInItsTail()
    {
        using var folder = new TestKit.TemporaryDirectory();
        var log = new WorkerLog(folder.Combine("a.log"), new KeyFilter([Key]));

        await log.CopyAsync(new MemoryStream(Encoding.UTF8.GetBytes($"api key: {Key}\nlast words")), CancellationToken.None);

        Assert.Equal("api key: ***\nlast words", await File.ReadAllTextAsync(folder.Combine("a.log")));
        Assert.Equal("api key: *** | last words", log.Tail(5));
    }
}
