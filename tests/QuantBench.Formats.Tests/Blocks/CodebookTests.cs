namespace QuantBench.Formats.Tests.Blocks;

public sealed class CodebookTests
{
    [Fact]
    public void CommittedTables_AreWhatTheNativeLibraryDecodes()
    {
        foreach ((string name, string text) in CodebookProbe.Files())
        {
            Assert.Equal(text, File.ReadAllText(Path.Combine(NativeGgml.Root, "src/QuantBench.Formats/Blocks", name)));
        }
    }
}
