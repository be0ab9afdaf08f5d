using System.Text;
using System.Text.Json;
using Parquet.Serialization;
using QuantBench.Core;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Statistics;
using QuantBench.Results.Exchange;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Exchange;

public sealed class RunExporterTests
{
    private readonly RunRecord _sample = SampleRun.Make();

    [Fact]
    public async Task Json_HoldsRunAndCells_AsTheFilesDo()
    {
        byte[] bytes = await ExportAsync("json", _sample);

        using JsonDocument document = JsonDocument.Parse(bytes);
        JsonElement root = document.RootElement;
        Assert.Equal(["run", "cells"], root.EnumerateObject().Select(p => p.Name));
        Assert.Equal("Example CPU <3.0 GHz> & co", root.GetProperty("run").GetProperty("fingerprint").GetProperty("cpu").GetString());
        RunInfo info = root.GetProperty("run").Deserialize<RunInfo>(Json.Line)!;
        Assert.Equal(JsonSerializer.Serialize(_sample.Info, Json.Line), JsonSerializer.Serialize(info, Json.Line));
        CellResult[] cells = root.GetProperty("cells").Deserialize<CellResult[]>(Json.Line)!;
        Assert.Equal(_sample.Cells.Select(c => JsonSerializer.Serialize(c, Json.Line)),
            cells.Select(c => JsonSerializer.Serialize(c, Json.Line)));
    }

    [Fact]
    public async Task Csv_IsTheSnapshot()
    {
        RunRecord small = _sample with { Cells = [_sample.Cells[4], _sample.Cells[^1]] };

        string text = Encoding.UTF8.GetString(await ExportAsync("csv", small));

        const string head =
            "run,suite,machine,cell,model,variant,backend,workload,settings,status,reason,metric,unit,direction,value,error,n,"
                + "mean,sd,median,min,max,p90,p95,p99,ci95_low,ci95_high,protocol\r\n";
        string Row(CellResult c, string rest) =>
            $"20261122-221000-reference-9f3a,reference,4a5b6c7d8e9f0a1b,{c.Cell.Id},reference,{c.Cell.Variant.Id},llamacpp/cpu,"
                    + $"perplexity,\"{{\"\"chunks\"\":64,\"\"dataset\"\":\"\"sotu\"\",\"\"n_ctx\"\":512}}\",{rest}\r\n";
        Assert.Equal(
            head
            + Row(small.Cells[0],
                "ok,,perplexity,1,lower,38.0192,0.84405,16320,,,,,,,,,,,ppl-v1/n_ctx=512/text=0123abcd/tokenizer=4567ef01")
            + Row(small.Cells[1], "failed,the quantizer needs an importance matrix for <IQ1_S> & none is configured,,,,,,,,,,,,,,,,,"),
            text);
    }

    [Fact]
    public async Task Csv_SaysWhatATimingIsWorth()
    {
        Measurement disturbed = MeasurementBuilder.FromRepetitions("tg_tps", [1, 2, 3, 4], [0, 1, 2]);
        RunRecord one = _sample with { Cells = [_sample.Cells[0] with { Metrics = [disturbed] }] };

        string text = Encoding.UTF8.GetString(await ExportAsync("csv", one));

        Assert.EndsWith(",disturbed,1,3\r\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("a\nb", "\"a\nb\"")]
    [InlineData("=1+1", "\"\t=1+1\"")] // a spreadsheet would run it
    [InlineData("-cmd", "\"\t-cmd\"")]
    public async Task Csv_QuotesWhatNeedsIt(string reason, string field)
    {
        RunRecord one = _sample with { Cells = [_sample.Cells[^1] with { Reason = reason }] };

        string text = Encoding.UTF8.GetString(await ExportAsync("csv", one));

        Assert.Contains($",failed,{field},,", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Parquet_ReadsBackTheSame()
    {
        byte[] bytes = await ExportAsync("parquet", _sample);

        using var stream = new MemoryStream(bytes);
        IList<ParquetRow> rows = [.. (await ParquetSerializer.DeserializeAsync<ParquetRow>(stream)).Data];

        MetricRecord[] expected = [.. MetricRecord.Of(_sample)];
        Assert.Equal(expected.Length, rows.Count);
        for (int i = 0; i < rows.Count; i++)
        {
            Measurement? m = expected[i].Measurement;
            Assert.Equal((expected[i].Cell, expected[i].Metric, expected[i].Reason), (rows[i].Cell, rows[i].Metric, rows[i].Reason));
            Assert.Equal((m?.Value, m?.Error, m?.N, m?.P99, m?.Protocol),
                (rows[i].Value, rows[i].Error, rows[i].N, rows[i].P99, rows[i].Protocol));
            Assert.Equal(m?.Samples ?? [], rows[i].Samples ?? []);
        }
    }

    [Fact]
    public void Find_IgnoresCase_AndKnowsNoOthers()
    {
        Assert.Equal("csv", RunExporters.Find("CSV")?.Name);
        Assert.Null(RunExporters.Find("xlsx"));
    }

    private static async Task<byte[]> ExportAsync(string format, RunRecord run)
    {
        using var stream = new MemoryStream();
        await RunExporters.Find(format)!.WriteAsync(run, stream, CancellationToken.None);
        return stream.ToArray();
    }
}
