using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

public sealed class CodebookTests
{
    [Fact]
    public void CommittedTables_AreWhatTheNativeLibraryDecodes()
    {
        foreach ((string name, string text) in CodebookProbe.Files())
        {
            Assert.Equal(text, File.ReadAllText(RepositoryRoot.Combine("src", "QuantBench.Formats", "Blocks", name)));
        }
    }
}
