using QuantBench.TestKit;

namespace QuantBench.Formats.Tests.Blocks;

public sealed class CodebookTests
{
    [NpmFact(NpmPackage.LlamaCpp)]
    public void CommittedBooks_AreWhatTheNativeLibraryDecodes() =>
        Assert.Equal(
            CodebookProbe.Text(), File.ReadAllText(RepositoryRoot.Combine("src", "QuantBench.Formats", "Blocks", "codebooks.txt")));
}
