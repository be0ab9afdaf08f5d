using QuantBench.Core.Errors;
using QuantBench.Inference.Traffic;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Traffic;

public sealed class TraceFileTests
{
    [Theory]
    [InlineData("{\"timestamp\": 1500, \"input_length\": 10, \"output_length\": 3, \"hash_ids\": [1]}\n"
        + "{\"timestamp\": 1000, \"input_length\": 20, \"output_length\": 4}\n")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.5,10,3\n2023-11-16 18:17:03.0,20,4\n")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\r\n7.5,10,3\r\n7,20,4\r\n")]
    public void Read_GivesRequestsInOrder(string text)
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "trace");
        File.WriteAllText(path, text);

        Assert.Equal((TraceEntry[])[new(0, 20, 4), new(0.5, 10, 3)], TraceFile.Read(path).AsEnumerable());
    }

    [Theory]
    [InlineData("{\"timestamp\": 1500, \"input_length\": 0, \"output_length\": 3}", ":1:")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,3\nyesterday,2,3\n", ":3:")]
    [InlineData("", "no requests")]
    public void Read_NamesTheLine(string text, string expected)
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "trace");
        File.WriteAllText(path, text);

        Assert.Contains(expected, Assert.Throws<RequestException>(() => TraceFile.Read(path)).Message, StringComparison.Ordinal);
    }
}
