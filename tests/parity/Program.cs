using System.Globalization;
using QuantBench.Core.Cells;
using QuantBench.Core.Statistics;
using QuantBench.Parity;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
if (args.Length < 3)
{
    Console.Error.WriteLine(
        "usage: tests/parity/run.sh RIVAL_BIN [expected|latency|perplexity|overhead|all] [ROUNDS]\n       tests/parity/run.sh RIVAL_BIN "
            + "managed [SCHEMES]\n       tests/parity/run.sh RIVAL_BIN bindings [SCHEMES] [ROUNDS] [LAYERS]\n       "
            + "tests/parity/run.sh RIVAL_BIN managed-speed [SCHEMES] [ROUNDS] [LAYERS] [SHAPE]");
    return 64;
}

(string root, string rival, string what) =
    (args[0], args[1] == SpeedWorker.NuGet ? args[1] : Path.GetFullPath(args[1]), args[2]);
if (what == "managed-speed-worker")
    return SpeedWorker.Serve(root, rival, args[3], args[4], int.Parse(args[5], CultureInfo.InvariantCulture));
if (what == Power.WorkerWord) return Power.Work();
if (what is "managed-speed" or "bindings")
{
    string cache = Path.Combine(Environment.GetEnvironmentVariable("QUANTBENCH_CACHE") ?? Path.Combine(root, ".cache"), "parity-models");
    int[] numbers = [.. args.Skip(4).Take(2).Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
    int targets = what == "bindings"
        ? new BindingSpeed(root, rival, cache).Measure(args.ElementAtOrDefault(3) ?? "Q4_0,Q4_K_M,Q8_0,F16",
            numbers.ElementAtOrDefault(0) is > 0 and int times ? times : 5, numbers.ElementAtOrDefault(1))
        : (args.ElementAtOrDefault(6) is { } shape ? new ManagedSpeed(root, rival, cache, shape) : new ManagedSpeed(root, rival, cache))
            .Measure(args.ElementAtOrDefault(3) ?? "all", numbers.ElementAtOrDefault(0) is > 0 and int n ? n : 3,
                numbers.ElementAtOrDefault(1));
    Console.WriteLine(targets == 0 ? "every target holds" : $"{targets} target(s) missed");
    return targets == 0 ? 0 : 2;
}

if (what == "power")
{
    string runs = Directory.CreateTempSubdirectory("quantbench-power-").FullName;
    double percent = double.Parse(args[3], CultureInfo.InvariantCulture);
    try
    {
        return 2 * Power.Measure(root, rival, runs, percent, int.Parse(args[4], CultureInfo.InvariantCulture),
            int.Parse(args[5], CultureInfo.InvariantCulture), percent >= 5 ? 0.9 : 0.8);
    }
    finally
    {
        Directory.Delete(runs, recursive: true);
    }
}

int rounds = args.Length > 3 && what != "managed" ? int.Parse(args[3], CultureInfo.InvariantCulture) : 7;
string ourCommand = Environment.GetEnvironmentVariable("QUANTBENCH_APP") ?? Path.Combine(root, ".cache", "app", "quantbench");
string scratch = Directory.CreateTempSubdirectory("quantbench-parity-").FullName;
string model = Path.Combine(root, "datasets", "reference-model");
int failures = 0;
try
{
    if (what is "expected" or "all") failures += Expected();
    if (what is "managed" or "all") failures += Managed();
    if (what is "latency" or "all") failures += Latency();
    if (what is "perplexity" or "all") failures += Perplexity();
    if (what is "overhead" or "all") failures += Overhead() + RecorderCost.Measure(scratch);
}
finally
{
    Directory.Delete(scratch, recursive: true);
}

Console.WriteLine(failures == 0 ? "every target holds" : $"{failures} target(s) missed");
return failures == 0 ? 0 : 2;

string Suite(string name, string variants, string workloads) =>
    $"""
    suite: {name}
    models:
      - id: reference
        source: {model}
    variants: [{variants}]
    backends: [llamacpp/cpu]
    settings: {"{"} threads: 2 {"}"}
    workloads:
    {workloads}
    """;

// Perplexity, size, KL and agreement of every variant against the figures of llama.cpp's own tools.
int Expected()
{
    ExpectedFigures expected = ExpectedFigures.Load(Path.Combine(AppContext.BaseDirectory, "expected.json"));
    var ours = new Commands(ourCommand, rival, scratch, sameLibrary: false);
    string variants = string.Join(", ", expected.Variants.Select(v => $"\"gguf:{v}\""));
    IReadOnlyList<CellResult> cells = ours.RunSuite(Suite("parity-expected", variants,
        "  - divergence: { dataset: sotu, n_ctx: 512, chunks: 64, reference: gguf:F32 }"));
    Console.WriteLine($"{"variant",-10} {"figure",-20} {"ours",14} {"llama.cpp",14} {"deviation",10} {"allowed",8}");
    int missed = 0;
    foreach (ExpectedRow row in expected.Compare(cells))
    {
        Console.WriteLine(
            $"{row.Variant,-10} {row.Figure,-20} {row.Ours,14:G8} {row.Theirs,14:G8} {row.Deviation,10:P3} {row.Tolerance,8:P2} "
                + $"{(row.Holds ? "" : "MISSED")}");
        if (!row.Holds) missed++;
    }

    foreach (CellResult cell in cells.Where(c => c.Status != CellStatus.Ok))
    {
        Console.WriteLine($"{cell.Cell.Variant.Scheme.Name,-10} {cell.Status}: {cell.Reason}");
        missed++;
    }

    return missed;
}

// The managed engine's figures beside llama.cpp's on the same files, and those of formats that llama.cpp doesn't read.
int Managed()
{
    string text = Path.Combine(scratch, "sotu-test.txt");
    WriteSotuTest(text);
    return new ManagedQuality(new Commands(ourCommand, rival, scratch, sameLibrary: false), root, model)
        .Measure(File.ReadAllText(text), what == "managed" && args.Length > 3 ? args[3].Split(',') : null);
}

// Ours over llama-bench's, interleaved so that a drifting machine moves both; once with the rival's own libraries, so that only the harness
// differs.
int Latency()
{
    int missed = 0;
    foreach (string variant in new[] { "F16", "Q4_K_M", "Q8_0" })
    {
        foreach (bool sameLibrary in new[] { true, false })
        {
            var commands = new Commands(ourCommand, rival, scratch, sameLibrary);
            string gguf = commands.Artifact(model, $"gguf:{variant}");
            double[] pp = new double[rounds];
            double[] tg = new double[rounds];
            for (int round = 0; round < rounds; round++)
            {
                CellResult cell = commands.RunSuite(Suite("parity-latency", $"\"gguf:{variant}\"",
                    "  - latency: { prompt: 512, generate: 128, repetitions: 20, time_cap: 20, warmup_cap: 2 }")).Single();
                double ourPp = cell.Metric("pp_tps")!.Value; // an ok latency cell has both
                double ourTg = cell.Metric("tg_tps")!.Value;
                pp[round] = ourPp / Descriptive.Median(commands.Bench(gguf, 2, 512, 0, 20));
                tg[round] = ourTg / Descriptive.Median(commands.Bench(gguf, 2, 0, 128, 20));
            }

            missed += Report($"pp512 {variant}, {(sameLibrary ? "same libraries" : "pinned build")}: ours over llama-bench's", pp, 0.98,
                sameLibrary);
            missed += Report($"tg128 {variant}, {(sameLibrary ? "same libraries" : "pinned build")}: ours over llama-bench's", tg, 0.98,
                sameLibrary);
        }
    }

    return missed;
}

// Tokens per second of the whole perplexity loop, scoring included.
int Perplexity()
{
    int missed = 0;
    string text = Path.Combine(scratch, "sotu-test.txt");
    WriteSotuTest(text);
    foreach (string variant in new[] { "F16", "Q4_K_M" })
    {
        foreach (bool sameLibrary in new[] { true, false })
        {
            var commands = new Commands(ourCommand, rival, scratch, sameLibrary);
            string gguf = commands.Artifact(model, $"gguf:{variant}");
            double[] ratios = new double[rounds];
            for (int round = 0; round < rounds; round++)
            {
                CellResult cell = commands.RunSuite(Suite("parity-perplexity", $"\"gguf:{variant}\"",
                    "  - perplexity: { dataset: sotu, n_ctx: 512, chunks: 64 }")).Single();
                // an ok perplexity cell has it
                ratios[round] = cell.Metric("eval_tps")!.Value / commands.PerplexitySpeed(gguf, text, 2, 64, 4);
            }

            missed += Report(
                $"perplexity tokens/s {variant}, {(sameLibrary ? "same libraries" : "pinned build")}: ours over llama-perplexity's", ratios,
                1.0, sameLibrary);
        }
    }

    return missed;
}

// What a cell costs beyond the engine's own load and work.
int Overhead()
{
    var commands = new Commands(ourCommand, rival, scratch, sameLibrary: true);
    string gguf = commands.Artifact(model, "gguf:Q4_K_M");
    string text = Path.Combine(scratch, "sotu-test.txt");
    WriteSotuTest(text);
    double[] milliseconds = new double[rounds];
    double[] mebibytes = new double[rounds];
    for (int round = 0; round < rounds; round++)
    {
        CellResult cell = commands.RunSuite(Suite("parity-overhead", "\"gguf:Q4_K_M\"",
            "  - perplexity: { dataset: sotu, n_ctx: 512, chunks: 8 }")).Single();
        long theirs =
            Commands.PeakResidentBytes(Path.Combine(rival, "llama-perplexity"),
                ["-m", gguf, "-f", text, "-c", "512", "--chunks", "8", "-t", "2"]);
        milliseconds[round] = cell.Conditions["harness_ms"];
        mebibytes[round] = (cell.Metric("rss_peak")!.Value - theirs) / (1 << 20); // an ok cell has it
    }

    double ms = Descriptive.Median(milliseconds);
    double mib = Descriptive.Median(mebibytes);
    Console.WriteLine(
        $"per cell beyond load and work: {ms:F0} ms (target < 300), peak resident over llama-perplexity's: {mib:F1} MiB (target < 60)");
    return (ms < 300 ? 0 : 1) + (mib < 60 ? 0 : 1);
}

int Report(string name, double[] ratios, double target, bool counts)
{
    double[] sorted = [.. ratios];
    Array.Sort(sorted);
    double median = Descriptive.Quantile(sorted, 0.5);
    bool holds = median >= target;
    Console.WriteLine(
        $"{name}: median ratio {median:F3} (of {ratios.Length}: {sorted[0]:F3} to {sorted[^1]:F3}; target ≥ "
            + $"{target:F2}{(counts ? holds ? ", holds" : ", MISSED" : ", for information")})");
    return holds || !counts ? 0 : 1;
}

void WriteSotuTest(string path)
{
    string[] files = Directory.GetFiles(Path.Combine(root, "datasets", "node_modules", "@stdlib", "datasets-sotu", "data"), "*.txt");
    Array.Sort(files, (a, b) => string.CompareOrdinal(Path.GetFileName(a), Path.GetFileName(b)));
    File.WriteAllText(path, string.Join("\n\n", files.Where((_, i) => i % 10 == 9).Select(File.ReadAllText)));
}
