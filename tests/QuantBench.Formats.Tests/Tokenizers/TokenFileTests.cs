using QuantBench.Core.Errors;
using QuantBench.Formats.Tokenizers;
using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Tokenizers;

public sealed class TokenFileTests
{
    [Fact]
    public void Read_GivesWhatWasWritten_AndRefusesEveryChangedByteOfIt()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Combine("t.qbtk");
        TokenFile.Write(path, new TokenFileHeader("text", "tokenizer", 7), [1, 2, 3], [4, 5, 6]);
        byte[] whole = File.ReadAllBytes(path);

        TokenFile read = TokenFile.Read(path);
        Assert.Equal([1, 2, 3], read.Tokens);
        Assert.Equal([4, 5, 6], read.TokenBytes.Select(b => (int)b));
        Assert.Equal(7, read.Header.BosToken);

        for (int i = whole.Length - (3 * 6); i < whole.Length; i++)
        {
            byte[] changed = [.. whole];
            changed[i] ^= 1;
            File.WriteAllBytes(path, changed);
            Assert.Contains("aren't those that were written", Assert.Throws<ModelFormatException>(() => TokenFile.Read(path)).Message,
                StringComparison.Ordinal);
        }
    }
}
