using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Runner.Datasets;

namespace QuantBench.Runner.Tests.Datasets;

public sealed class DatasetDescriptorReaderTests
{
    private const string Good =
        """
        name: x
        title: X
        license: CC0-1.0
        source: { npm: "@a/b", version: 1.0.0, files: "data/*.txt" }
        splits:
          test: { every: 10, at: 9 }
          train: { rest: true }
        default_split: test
        """;

    [Fact]
    public void Parse_ReadsEveryKey()
    {
        DatasetDescriptor descriptor = DatasetDescriptorReader.Parse(Good, "x.yaml");

        Assert.Equal(("x", "X", "CC0-1.0", "\n\n", "test"),
            (descriptor.Name, descriptor.Title, descriptor.License, descriptor.Join, descriptor.DefaultSplit));
        Assert.Equal((10, 9, false), (descriptor.Splits["test"].Every, descriptor.Splits["test"].At, descriptor.Splits["test"].Rest));
        Assert.True(descriptor.Splits["train"].Rest);
    }

    [Theory]
    [InlineData("title: X", "titel: X", 2, "titel")]
    [InlineData("at: 9", "at: 10", 6, "below")]
    [InlineData("at: 9", "at: nine", 6, "nine")]
    [InlineData("at: 9", "at: 9, sha256: abc", 6, "64")]
    [InlineData("default_split: test", "default_split: tset", 8, "tset")]
    [InlineData("npm: \"@a/b\"", "npm: \"../../etc\"", 4, "package name")]
    [InlineData("npm: \"@a/b\"", "npm: a, path: /b", 4, "exactly one")]
    [InlineData("npm: \"@a/b\"", "trace: m", 4, "seed")]
    [InlineData("npm: \"@a/b\"", "trace: m, seed: 1, documents: 3, tokens: 4096", 4, "tokens")]
    [InlineData("npm: \"@a/b\"", "url: \"file:///etc/passwd\", sha256: aa", 4, "")]
    public void Parse_NamesLineAndFault_WhenAKeyIsWrong(string good, string bad, int line, string word)
    {
        var e = Assert.Throws<SuiteException>(() =>
            DatasetDescriptorReader.Parse(Good.Replace(good, bad, StringComparison.Ordinal), "x.yaml"));

        Assert.Equal(line, e.Line);
        Assert.Contains(word, e.Message, StringComparison.Ordinal);
    }

    [Property]
    public void Parse_RaisesOnlySuiteErrors_WhenOneCharacterIsChanged(uint at, char value)
    {
        char[] text = Good.ToCharArray();
        text[at % (uint)text.Length] = value;

        Exception? e = Record.Exception(() => DatasetDescriptorReader.Parse(new string(text), "x.yaml"));

        Assert.True(e is null or SuiteException, $"{at} {(int)value}: {e}");
    }
}
