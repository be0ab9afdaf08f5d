using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Parquet;
using QuantBench.Analysis.Frames;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Analysis.Tests.Frames;

public sealed class FrameBuilderTests
{
    private static readonly FrameView s_speed = new() { Metrics = ["tg_tps", "rss_peak"], Rows = ["variant", "class"] };
    private readonly RunRecord _run = SampleRun.Make();

    [Fact]
    public void Build_Pivots_WithUnits()
    {
        Frame frame = FrameBuilder.Build(s_speed with { Sort = "-tg_tps" }, _run);

        Assert.Equal(["variant", "class", "tg_tps", "rss_peak"], frame.Data.Columns.Select(c => c.Name));
        Assert.Equal(("token/s", "B"), (frame.Units["tg_tps"], frame.Units["rss_peak"]));
        Assert.Equal(SampleRun.Figures.Length, frame.Data.Rows.Count);
        Assert.Equal("gguf:TQ2_0", frame.Data["variant"][0]); // the fastest
        Assert.Equal("ultra-low", frame.Data["class"][0]);
    }

    [Fact]
    public void Build_FiltersByPattern()
    {
        Frame frame =
            FrameBuilder.Build(
                new FrameView { Where = ImmutableSortedDictionary<string, string>.Empty.Add("variant", "Q4_*"), Metrics = ["tg_tps"] },
                _run);

        Assert.Equal(2, frame.Data.Rows.Count); // Q4_K_M and Q4_0
    }

    [Fact]
    public void Build_Throws_RatherThanLoseFigures()
    {
        RequestException e = Assert.Throws<RequestException>(() => FrameBuilder.Build(s_speed, _run, SampleRun.Make("other")));

        Assert.Contains("two figures share", e.Message, StringComparison.Ordinal);
        Assert.Throws<RequestException>(() => FrameBuilder.Build(s_speed with { Rows = ["variatn"] }, _run));
    }

    [Fact]
    public async Task Write_GivesTheSameFigures_InEveryFormat()
    {
        Frame frame = FrameBuilder.Build(s_speed, _run);
        double expected = (double)frame.Data["tg_tps"][0];

        string csv = FrameWriter.Text(frame, "csv");
        using JsonDocument json = JsonDocument.Parse(FrameWriter.Text(frame, "json"));
        using var parquet = new MemoryStream();
        await FrameWriter.WriteAsync(frame, "parquet", parquet, CancellationToken.None);

        Assert.Equal(expected, double.Parse(csv.Split("\r\n")[1].Split(',')[2], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(expected, json.RootElement.GetProperty("rows")[0].GetProperty("tg_tps").GetDouble());
        Assert.Equal("token/s", json.RootElement.GetProperty("units").GetProperty("tg_tps").GetString());
        parquet.Position = 0;
        await using ParquetReader reader = await ParquetReader.CreateAsync(parquet);
        Assert.Equal(["variant", "class", "tg_tps", "rss_peak"], reader.Schema.DataFields.Select(f => f.Name));
        Assert.Equal("token/s", reader.CustomMetadata["unit.tg_tps"]);
        Assert.Contains("| gguf:F32 | full |", FrameWriter.Text(frame, "md"), StringComparison.Ordinal);
    }

    [Fact]
    public void SavedViews_ReadBackWhatWasSaved()
    {
        using var folder = new TemporaryFolder();
        var views = new SavedViews(folder.Path);

        views.Save("speed", s_speed);

        Assert.Equal("speed", Assert.Single(views.List()));
        Assert.Equal(s_speed.Rows.ToArray(), views.Load("speed").Rows.ToArray());
        Assert.Throws<RequestException>(() => views.Load("sped"));
        Assert.Throws<RequestException>(() => views.Save("../out", s_speed));
        File.WriteAllText(Path.Combine(views.Path, "bad.json"), "{", Encoding.UTF8);
        Assert.Throws<StoreException>(() => views.Load("bad"));
    }
}
