using System.Globalization;
using Microsoft.Data.Analysis;
using QuantBench.Analysis.Frames;

namespace QuantBench.Analysis.Tests.Frames;

public sealed class FrameWriterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)] // one piece
    [InlineData(4097)] // one row in the second piece
    [InlineData(20_000)] // several, made on every core
    public void Csv_HasEveryRowInOrder(int rows)
    {
        var numbers = new DoubleDataFrameColumn("number", Enumerable.Range(0, rows).Select(i => i % 3 == 0 ? (double?)null : i / 7.0));
        var texts = new StringDataFrameColumn("text", Enumerable.Range(0, rows).Select(i => i % 5 == 0 ? null : $"a,\"{i}\""));
        var flags = new BooleanDataFrameColumn("flag", Enumerable.Range(0, rows).Select(i => (bool?)(i % 2 == 0)));
        var frame = new Frame("test", new DataFrame(numbers, texts, flags),
            System.Collections.Immutable.ImmutableDictionary<string, string>.Empty);

        string[] lines = FrameWriter.Text(frame, "csv").Split("\r\n");

        Assert.Equal(["number,text,flag", .. Enumerable.Range(0, rows).Select(Line), ""], lines);

        static string Line(int i) =>
            $"{(i % 3 == 0 ? "" : (i / 7.0).ToString("R", CultureInfo.InvariantCulture))},"
                + $"{(i % 5 == 0 ? "" : $"\"a,\"\"{i}\"\"\"")},{(i % 2 == 0 ? "true" : "false")}";
    }
}
