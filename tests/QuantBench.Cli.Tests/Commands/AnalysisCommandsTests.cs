using System.Net;
using System.Text.Json;
using System.Xml.Linq;
using QuantBench.Cli.Commands;
using QuantBench.Cli.Composition;

namespace QuantBench.Cli.Tests.Commands;

/// <summary>The commands of analysis over stored runs, from the command line to the exit code.</summary>
public sealed class AnalysisCommandsTests(StoredRuns runs) : IClassFixture<StoredRuns>
{
    private readonly StoredRuns _root = runs;

    [Theory]
    [InlineData("compare run-0 run-6", "46 worse")]
    [InlineData("compare run-0:F16 run-0:Q8_0 run-0:Q4_K_M", "gguf:Q8\\_0 against run-0:gguf:F16")]
    [InlineData("compare run-0+run-1+run-2:F16 run-0+run-1+run-2:Q4_K_M", "paired over 3 runs")]
    [InlineData("pareto run-0", "on the front")]
    [InlineData("pareto run-0 --metrics artifact_size,ppl_rise --tolerance 1", "size × PPL rise")]
    [InlineData("recommend run-0 --profile phone", "reference for phone: ship")]
    [InlineData("recommend run-0 --profile tablet", "reference for tablet: ship")]
    [InlineData("recommend run-0 --profile laptop", "reference for laptop: ship")]
    [InlineData("recommend run-0 --profile desktop", "reference for desktop: ship")]
    [InlineData("recommend run-0 --profile workstation", "reference for workstation: ship")]
    [InlineData("recommend run-0 --profile server", "reference for server: ship")]
    [InlineData("recommend run-0 --profile research", "reference for research: ship")]
    [InlineData("recommend run-0 --profile phone --limit artifact_size<=1MiB", "nothing fits. Nearest miss:")]
    [InlineData("claims run-0", "16 claims in 21 judgements")]
    [InlineData("trend tg_tps --variant Q4_0", "got worse")]
    [InlineData("frame run-0 --metrics tg_tps --rows variant,class", "| gguf:TQ2\\_0 | ultra-low |")]
    public async Task Command_Answers(string line, string expected)
    {
        (int code, string output, string error) = await RunAsync(line.Split(' '));

        Assert.Equal(("", expected.StartsWith("nothing fits", StringComparison.Ordinal) ? ExitCode.Nothing : ExitCode.Ok), (error, code));
        Assert.True(output.Contains(expected, StringComparison.Ordinal), output);
    }

    [Theory]
    [InlineData("compare run-0 run-6")]
    [InlineData("pareto run-0")]
    [InlineData("recommend run-0 --profile phone")]
    [InlineData("claims run-0")]
    [InlineData("trend tg_tps")]
    [InlineData("frame run-0")]
    public async Task Command_WritesJson_WithPrecisionClasses(string line)
    {
        (int code, string output, _) = await RunAsync([.. line.Split(' '), "--format", "json"]);

        Assert.Equal(ExitCode.Ok, code);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement first = json.RootElement.GetProperty("rows")[0];
        Assert.True(first.TryGetProperty("class", out _) || first.TryGetProperty("class_b", out _));
    }

    [Fact]
    public async Task Gate_ExitsWithThree_AndWritesJUnit_WhenBroken()
    {
        string rules = Path.Combine(_root.Path, "gates.yaml");
        string junit = Path.Combine(_root.Path, "gates.xml");
        await File.WriteAllTextAsync(rules,
            "gates:\n  - { variant: Q4_K_M, metric: perplexity, max: +2%, vs: gguf:F16 }\n  - { variant: Q4_K_M, metric: tg_tps, min: -3%, "
                + "vs: baseline }\n");

        (int kept, _, _) = await RunAsync("gate", "run-1", "--rules", rules, "--baseline", "run-0");
        (int broken, string output, _) = await RunAsync("gate", "run-6", "--rules", rules, "--baseline", "run-0", "--junit", junit);
        (int missing, _, string error) = await RunAsync("gate", "run-6", "--rules", rules);

        Assert.Equal((ExitCode.Ok, ExitCode.GateBroken, ExitCode.BadInput), (kept, broken, missing));
        Assert.Contains("breaks 1 of 2 gates", output, StringComparison.Ordinal);
        Assert.Equal("1", (string?)XDocument.Load(junit).Root?.Attribute("failures"));
        Assert.Contains("--baseline RUN", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trend_ExitsWithThree_AndPostsAlerts()
    {
        using var listener = new HttpListener();
        int port = Random.Shared.Next(20_000, 60_000);
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        Task<string> posted = AnswerAsync(listener);

        (int code, _,
            string error) =
                await RunAsync("trend", "tg_tps", "--variant", "Q4_0", "--fail-on-worse", "--webhook", $"http://127.0.0.1:{port}/hook");

        Assert.Equal(ExitCode.GateBroken, code);
        Assert.Contains("posted 1 alerts", error, StringComparison.Ordinal);
        using JsonDocument message = JsonDocument.Parse(await posted);
        JsonElement alert = message.RootElement.GetProperty("alerts")[0];
        Assert.Equal("run-5", alert.GetProperty("run").GetString());
        Assert.InRange(alert.GetProperty("difference").GetDouble(), -0.12, -0.08);
    }

    [Fact]
    public async Task Frame_SavesAndShowsViews()
    {
        (int saved, _, _) = await RunAsync("frame", "run-0", "--metrics", "tg_tps", "--rows", "variant", "--save", "speed");
        (_, string names, _) = await RunAsync("frame", "--views");
        (_, string shown, _) = await RunAsync("frame", "run-1", "--view", "speed", "--format", "csv");

        Assert.Equal((ExitCode.Ok, "speed"), (saved, names.Trim()));
        Assert.StartsWith("variant,tg_tps\r\n", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pareto_DrawsAPlot()
    {
        string plot = Path.Combine(_root.Path, "front.svg");

        (int code, _, _) = await RunAsync("pareto", "run-0", "--plot", plot);

        Assert.Equal(ExitCode.Ok, code);
        Assert.Equal("svg", XDocument.Load(plot).Root?.Name.LocalName);
    }

    private static async Task<string> AnswerAsync(HttpListener listener)
    {
        HttpListenerContext context = await listener.GetContextAsync();
        using var reader = new StreamReader(context.Request.InputStream);
        string body = await reader.ReadToEndAsync();
        context.Response.Close();
        return body;
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await QuantBenchCommand.RunAsync([.. arguments, "--results", _root.Path], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
