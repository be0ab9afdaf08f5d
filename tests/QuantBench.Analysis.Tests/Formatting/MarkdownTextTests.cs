using QuantBench.Analysis.Formatting;

namespace QuantBench.Analysis.Tests.Formatting;

public sealed class MarkdownTextTests
{
    [Fact]
    public void Escape_LeavesNothingToRead() =>
        Assert.Equal(@"a\|b \`c\` &lt;i> &amp; \[x\] d", MarkdownText.Escape("a|b `c` <i> & [x]\nd"));
}
