using System.Text;
using System.Text.Json;
using FsCheck.Xunit;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Workers;

namespace QuantBench.Runner.Tests.Workers;

public sealed class WorkerProtocolTests
{
    [Property]
    public void Cell_KeepsItsId_ThroughTheJob(int threads, bool flag, string? dataset, double number)
    {
        if (!double.IsFinite(number) || dataset?.Any(char.IsSurrogate) == true) return; // settings come from YAML, which has been checked
        CellSettings settings = CellSettings.Empty.With("threads", threads).With("flag", flag).With("dataset", dataset ?? "")
            .With("target_ci", number);
        var cell = new Cell("m", Variant.Parse("Q4_K_M+imatrix"), new BackendId("llamacpp", "cpu"), "latency", settings);
        var job = new WorkerJob { Kind = WorkerJobKind.Cell, Root = "/", Cell = WorkerCell.Of(cell) };

        string line = JsonSerializer.Serialize(job, WorkerJson.Default.WorkerJob);
        WorkerJob? read = JsonSerializer.Deserialize(line, WorkerJson.Default.WorkerJob);

        Assert.DoesNotContain('\n', line);
        Assert.Equal(cell.Id, read?.Cell?.ToCell().Id);
    }

    [Fact]
    public void Result_Survives_WithInfinitiesAndSamples()
    {
        using var stream = new MemoryStream();
        Measurement perplexity = Measurement.Of("perplexity", double.PositiveInfinity)
            with
        { Samples = [1.5, double.NaN], Notes = ["odd"] };

        new WorkerEventWriter(stream).Result(new WorkerResult { Metrics = [perplexity], Conditions = { ["other_cpu_share"] = 0.5 } });

        WorkerEvent? read = WorkerEvent.TryRead(stream.ToArray().AsMemory(0, (int)stream.Length - 1));
        Measurement back = Assert.IsType<WorkerEvent.Result>(read).Value.Metrics.Single();
        Assert.Equal((double.PositiveInfinity, "perplexity", Direction.Lower), (back.Value, back.Name, back.Direction));
        Assert.Equal([1.5, double.NaN], back.Samples ?? []);
        Assert.Equal("odd", back.Notes?.Single());
    }

    [Fact]
    public void Writer_WritesOneLinePerEvent()
    {
        using var stream = new MemoryStream();
        var writer = new WorkerEventWriter(stream);

        writer.Started();
        writer.Progress(new EvaluationProgress("load", 1, 2, "a\nb"));
        writer.Error("first\nsecond", null);

        string[] lines = Encoding.UTF8.GetString(stream.ToArray()).Split('\n');
        Assert.Equal(4, lines.Length); // the last one is empty
        Assert.Equal(new EvaluationProgress("load", 1, 2, "a\nb"),
            Assert.IsType<WorkerEvent.Progress>(WorkerEvent.TryRead(Encoding.UTF8.GetBytes(lines[1]))).Value);
    }

    [Property]
    public void TryRead_NeverThrows_WhenAByteIsChanged(uint at, byte value)
    {
        byte[] line =
            Encoding.UTF8.GetBytes(
                """{"event":"result","result":{"metrics":[{"name":"perplexity","unit":"1","direction":"lower","value":1}]"""
                    + ""","provenance":{"a":"b"}}}""");
        line[at % (uint)line.Length] = value;

        Exception? e = Record.Exception(() => WorkerEvent.TryRead(line));

        Assert.Null(e);
    }
}
