namespace QuantBench.Architecture.Tests;

/// <summary>Form that people would otherwise have to watch.</summary>
public sealed class FormTests
{
    private const int LongestLine = 140;

    [Theory]
    [InlineData("src")]
    [InlineData("tests")]
    public void Lines_EndAt140Columns(string folder)
    {
        IEnumerable<string> longer = Sources.Of(folder, ".cs", ".razor", ".css", ".js").SelectMany(f => f.Text.Split('\n')
            .Select((line, i) => (Line: line.TrimEnd('\r'), Place: $"{folder}/{f.Relative}:{i + 1}"))
            .Where(l => l.Line.Length > LongestLine).Select(l => $"{l.Place}: {l.Line.Length} columns"));

        Assert.True(!longer.Any(), string.Join('\n', longer));
    }
}
