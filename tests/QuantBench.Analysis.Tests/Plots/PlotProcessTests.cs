using System.Text.Json;
using System.Text.RegularExpressions;
using QuantBench.Analysis.Plots;

namespace QuantBench.Analysis.Tests.Plots;

public sealed class PlotProcessTests
{
    [Fact]
    public void Serve_DrawsWhatThePenOfTheProcessDraws_AndGoesOnAfterWhatItCannot()
    {
        var scene = new PlotScene(
            400, 300, [50, 18, 44, 46], [0, 10], [0, 5], [new PlotTick(2, "two")], null, "#0A0B02", "#0A0B03",
            [
                new PlotMark(PlotShape.Line, [1, 2, double.NaN, 4], [1, 2, 3, 4], "#0A0B05", 2),
                new PlotMark(PlotShape.Line, [1, 9], [1, 4], "#0A0B05", 2, Dashed: true),
                new PlotMark(PlotShape.Box, [1, 2], [1, 2], "#0A0B06", 1),
                .. Enum.GetValues<PlotShape>().Where(s => s > PlotShape.Box)
                    .Select(s => new PlotMark(s, [4], [2], "#0A0B07", 10, s == PlotShape.Circle ? "#0A0B04" : null)),
            ]);
        using var requests = new StringReader(
            $"nonsense\n{Line(new PlotRequest(null, "<svg"))}\n{Line(new PlotRequest(scene, null))}\n");
        using var answers = new StringWriter();

        PlotProcess.Serve(requests, answers);

        PlotReply[] replies = [
            .. answers.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => JsonSerializer.Deserialize(l, PlotJson.Default.PlotReply)!)]; // a reply is never null
        Assert.Equal(3, replies.Length);
        Assert.NotNull(replies[0].Problem);
        Assert.NotNull(replies[1].Problem);
        Assert.Equal(Unnumbered(new ScottPlotPen().Draw(scene)), Unnumbered(replies[2].Svg ?? ""));
    }

    // Clip paths are numbered through the process's life.
    private static string Unnumbered(string svg) => Regex.Replace(svg, "cl_[0-9a-f]+", "cl");

    private static string Line(PlotRequest request) => JsonSerializer.Serialize(request, PlotJson.Default.PlotRequest);
}
