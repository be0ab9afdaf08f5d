using System.Text.RegularExpressions;
using Microsoft.Extensions.Time.Testing;
using QuantBench.Cli.Views;
using QuantBench.Core.Cells;
using QuantBench.Core.Metrics;
using QuantBench.Core.Runs;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Inference.Evaluators;
using QuantBench.Runner.Events;
using Spectre.Console;

namespace QuantBench.Cli.Tests.Views;

/// <summary>The live display, driven through a whole run on a terminal that writes to memory.</summary>
public sealed partial class LiveViewTests
{
    [Fact]
    public async Task Report_ShowsEveryFinishedCell_WithItsFigureOrReason()
    {
        var written = new StringWriter();
        LiveView view = View(written, 200, new FakeTimeProvider());
        Cell[] cells = [Cell("gguf:Q8_0"), Cell("gguf:Q4_0"), Cell("gguf:Q2_K")];

        await view.ShowAsync(() =>
        {
            view.Report(new RunEvent.RunStarted(Info(cells.Length), "folder", [.. cells], 0));
            view.Report(new RunEvent.PreparationStarted("m", "gguf:Q8_0"));
            view.Report(new RunEvent.PreparationProgress("m", "gguf:Q8_0", new EvaluationProgress("build", 1, 2, "")));
            view.Report(new RunEvent.PreparationEnded("m", "gguf:Q8_0", false, 1.5, 1 << 20, null));
            view.Report(new RunEvent.PreparationStarted("m", "gguf:Q4_0"));
            view.Report(new RunEvent.PreparationEnded("m", "gguf:Q4_0", false, 1.5, 0, "no space [left]"));
            for (int i = 0; i < cells.Length; i++)
            {
                view.Report(new RunEvent.CellStarted(i, cells.Length, cells[i]));
                view.Report(new RunEvent.CellProgress(i, cells[i], new EvaluationProgress("load", 0, 0, "")));
                view.Report(new RunEvent.CellProgress(i, cells[i], new EvaluationProgress("chunks", 4, 4, "PPL 38.02")));
                view.Report(new RunEvent.CellFinished(i, cells.Length, Result(cells[i], i)));
            }

            return Task.FromResult(new RunOutcome(Info(cells.Length), "folder", 1, 1, 1));
        });

        string text = written.ToString().Replace('\u00a0', ' '); // units stand behind spaces that do not break
        Assert.Contains("prepared m gguf:Q8_0: 1.00 MiB", text, StringComparison.Ordinal);
        Assert.Contains("no space [left]", text, StringComparison.Ordinal); // brackets of a message are not markup
        Assert.Contains("✓ m gguf:Q8_0 llamacpp/cpu perplexity: Perplexity 38.02", text, StringComparison.Ordinal);
        Assert.Contains("– m gguf:Q4_0 llamacpp/cpu perplexity: unsupported: no [such] device", text, StringComparison.Ordinal);
        Assert.Contains("✗ m gguf:Q2_K llamacpp/cpu perplexity: failed: killed", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(110)]
    public async Task Live_SaysWhatRunsHowMuchIsDoneAndHowLongItTakes_AtEveryWidth(int width)
    {
        var written = new StringWriter();
        var clock = new FakeTimeProvider();
        LiveView view = View(written, width, clock);
        Cell[] cells = [.. Enumerable.Range(0, 12).Select(i => new Cell(
            "a-model-with-a-long-name-in-its-suite", Variant.Parse(i % 2 == 0 ? "gguf:Q4_K_M" : "gguf:IQ2_XXS+imatrix"),
            new BackendId("llamacpp", "cpu"), "latency",
            CellSettings.Empty.With("prompt", 512L + i).With("generate", 128L).With("launches", 1L)))];

        await view.ShowAsync(() =>
        {
            view.Report(new RunEvent.RunStarted(Info(cells.Length), "folder", [.. cells], 0));
            view.Report(new RunEvent.PreparationStarted(cells[0].Model, "gguf:IQ2_XXS+imatrix"));
            for (int i = 0; i < cells.Length; i++)
            {
                view.Report(new RunEvent.CellStarted(i, cells.Length, cells[i]));
                clock.Advance(TimeSpan.FromSeconds(15));
                view.Report(new RunEvent.CellProgress(i, cells[i], new EvaluationProgress("measure", 3, 10, "generation 812.4 t/s")));
                clock.Advance(TimeSpan.FromSeconds(15));
                view.Report(new RunEvent.CellFinished(i, cells.Length, new CellResult { Cell = cells[i], Status = CellStatus.Ok }));
            }

            return Task.FromResult(new RunOutcome(Info(cells.Length), "folder", 12, 0, 0));
        });

        string[] lines = [.. Escapes().Replace(written.ToString(), "\n").Split('\n', '\r').Select(l => l.TrimEnd())];
        string[] bars = [.. lines.Where(l => l.Contains(" left", StringComparison.Ordinal))];
        Assert.All(bars, line => Assert.InRange(line.Length, 1, width - 1));
        Assert.All(bars, line => Assert.Matches(@"^[█░]{6,30} +[0-9]+ %  .*left$", line));
        Assert.Contains("about ", bars[0], StringComparison.Ordinal); // from the first line on
        Assert.Contains(bars, l => l.Contains("6 of 12 cells", StringComparison.Ordinal));
        Assert.Contains(bars, l => l.Contains("about 3 min left", StringComparison.Ordinal)); // six cells of 30 s
        Assert.Contains(lines, l => l.Contains("Q4_K_M ", StringComparison.Ordinal) && l.Contains("measure", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("preparing", StringComparison.Ordinal) && l.Contains("IQ2_XXS", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Trim() is "…" or "...");
    }

    [GeneratedRegex(@"\x1b\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Escapes();

    private static LiveView View(StringWriter written, int width, FakeTimeProvider clock)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(written),
        });
        console.Profile.Width = width;
        return new LiveView(console, clock, _ => new Dictionary<CellId, double>());
    }

    private static Cell Cell(string variant) =>
        new("m", Variant.Parse(variant), new BackendId("llamacpp", "cpu"), "perplexity", CellSettings.Empty);

    private static CellResult Result(Cell cell, int index) => index switch
    {
        0 => new CellResult { Cell = cell, Status = CellStatus.Ok, Metrics = [Measurement.Of("perplexity", 38.0192, error: 0.0844)] },
        1 => new CellResult { Cell = cell, Status = CellStatus.Unsupported, Reason = "no [such] device" },
        _ => new CellResult { Cell = cell, Status = CellStatus.Failed, Reason = "killed" },
    };

    private static RunInfo Info(int cells) => new()
    {
        Id = "id",
        Suite = "s",
        SuiteText = "",
        SuiteDirectory = "/",
        SuiteSha256 = "",
        Started = DateTimeOffset.UnixEpoch,
        Status = RunStatus.Running,
        CellCount = cells,
        Fingerprint = new Fingerprint
        {
            MachineId = "m",
            Host = "h",
            Cpu = "c",
            CpuFlags = [],
            LogicalCores = 1,
            MemoryBytes = 1,
            Os = "o",
            Runtime = "r",
            QuantBench = "q",
        },
    };
}
