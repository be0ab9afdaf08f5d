using System.Collections.Immutable;
using System.CommandLine;
using QuantBench.Analysis.Compare;
using QuantBench.Analysis.Frames;
using QuantBench.Cli.Composition;
using QuantBench.Core.Errors;
using QuantBench.Results.Reading;
using QuantBench.Results.Store;

namespace QuantBench.Cli.Commands;

/// <summary><c>quantbench compare</c>.</summary>
internal static class CompareCommand
{
    public static Command Build(GlobalOptions global, HelpTexts help)
    {
        var sides = new Argument<string[]>("sides")
        {
            Description = "run[:variant[@backend]], the base first; runs joined by '+' are repetitions, compared in pairs",
            Arity = new ArgumentArity(2, 20),
        };
        var output = new FrameOutput();
        var command = new Command("compare", "Say what differs between runs, variants or backends, and whether it is shown.") { sides };
        output.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            Collections.HoldBack();
            RunReader source = global.Environment(parsed).Runs;
            string[] names = parsed.GetRequiredValue(sides);
            // reading is most of the work at 100,000 cells
            ComparisonSide[][] read = await Task.WhenAll(names.Select(s => Task.Run(() => Parse(s, source), stop)));
            using AggregateReader? store = source.OpenHistory();
            MachineHistory? history = store is null ? null : new MachineHistory(store);
            ImmutableArray<RunComparison> comparisons = read[0].Length == 1 && read.All(r => r.Length == 1)
                ? RunComparer.Compare(read[0][0], [.. read.Skip(1).Select(r => r[0])], history)
                : [.. read.Skip(1).Select(r => Paired(read[0], r))];
            await output.WriteAsync(parsed,
                () => string.Join('\n', comparisons.Select(c => ComparisonText.Markdown(c, output.MostRows(parsed)))),
                () => AnalysisFrames.Of(comparisons), stop);
        });
        help.Add(command, """
            Examples:
              quantbench compare 20261122-0400 latest
              quantbench compare latest:F16 latest:Q8_0 latest:Q4_K_M       two variants against F16, within one run
              quantbench compare run-a+run-b+run-c:Q4_0 run-a+run-b+run-c:Q4_K_M    paired over three runs: the noise between runs counts
              quantbench compare old new --format csv --out differences.csv

            Timings of two runs are judged by how much the cell varied between earlier runs of this machine, where five or more are in the
            store; else by the launches of the two; from one launch a side nothing can be told. A disturbed timing gets no verdict.

            better, worse       the 95 % interval excludes 0, and the test holds after correction for all comparisons (Benjamini–Hochberg)
            not told apart      the interval holds 0, or the corrected test fails; the note says which
            no error known      one observation or one launch a side, no error recorded, or disturbed: any difference may be noise
            equal               exactly the same figure: counted, or computed from the same numbers
            not comparable      the figures mean different things (other text, protocol, machine or build); the note says what differs
            """);
        return command;
    }

    // run+run+run:variant@backend is three sides of one selector.
    private static ComparisonSide[] Parse(string text, RunReader source)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string runs = colon < 0 ? text : text[..colon];
        string rest = colon < 0 ? "" : text[colon..];
        string[] names = File.Exists(runs) || Directory.Exists(runs) ? [runs] : runs.Split('+');
        return [.. names.Select(r => ComparisonSide.Parse(r + rest, name => source.Load(name)))];
    }

    private static RunComparison Paired(ComparisonSide[] a, ComparisonSide[] b)
    {
        if (a.Length != b.Length)
            throw new RequestException($"{a.Length} runs on one side, {b.Length} on the other: repetitions are compared in pairs.",
                "Name as many runs joined by '+' on each side.");
        return RunComparer.ComparePaired([.. a.Zip(b)]);
    }
}
