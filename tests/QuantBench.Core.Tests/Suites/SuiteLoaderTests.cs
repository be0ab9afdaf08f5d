using System.Collections.Immutable;
using System.Text;
using FsCheck.Xunit;
using QuantBench.Core.Cells;
using QuantBench.Core.Engines;
using QuantBench.Core.Errors;
using QuantBench.Core.Suites;

namespace QuantBench.Core.Tests.Suites;

public sealed class SuiteLoaderTests
{
    private const string Good = """
        suite: small
        models:
          - id: m
            source: models/m
        variants: [gguf:F32, gguf:Q4_K_M, "gguf:IQ2_XS+imatrix"]
        backends: [llamacpp/cpu]
        settings: { threads: 2 }
        workloads:
          - perplexity: { dataset: sotu, n_ctx: 512, chunks: 64 }
          - divergence: { chunks: 64, reference: f32 }
          - latency: { prompt: [128, 512], generate: 128, depth: 0 }
          - load
        exclude: [ { variant: gguf:F32, workload: divergence } ]
        limits: { cell_timeout: 5m, cell_memory: 4GiB, prepare_timeout: 1.5h }
        imatrix: { dataset: sotu:train, chunks: 32, n_ctx: 256 }
        interleave: true
        tags: [nightly]
        """;

    [Fact]
    public void Parse_ReadsEverything()
    {
        Suite suite = Parse(Good);

        Assert.Equal("small", suite.Name);
        Assert.Equal(new SuiteModel("m", "/data/suites/models/m"), Assert.Single(suite.Models));
        Assert.Equal(["gguf:F32", "gguf:Q4_K_M", "gguf:IQ2_XS+imatrix"], suite.Variants.Select(v => v.Id));
        Assert.Equal(new BackendId("llamacpp", "cpu"), Assert.Single(suite.Backends));
        Assert.Equal(["perplexity", "divergence", "latency", "latency", "load"], suite.Workloads.Select(w => w.Name));
        Assert.Equal(TimeSpan.FromMinutes(5), suite.Limits.CellTimeout);
        Assert.Equal(4L << 30, suite.Limits.CellMemoryBytes);
        Assert.Equal(TimeSpan.FromMinutes(90), suite.Limits.PrepareTimeout);
        Assert.Equal(new ImatrixOptions { Dataset = "sotu:train", Chunks = 32, ContextLength = 256 }, suite.Imatrix);
        Assert.True(suite.Interleave);
        Assert.Equal("nightly", Assert.Single(suite.Tags));
        Assert.Equal(Good, suite.Text);
    }

    [Fact]
    public void Parse_RecordsProtocolSettings_WhenTheyAreNotGiven()
    {
        Suite suite = Parse(Good);

        Assert.Equal(
            """{"chunks":64,"dataset":"sotu","flash_attention":"auto","kv_type":"f16","n_batch":2048,"n_ctx":512,"n_ubatch":512"""
                + ""","threads":2}""",
            suite.Workloads[0].Settings.ToString());
        Assert.Equal("gguf:F32", suite.Workloads[1].Settings.Text("reference"));
        Assert.Equal(
            """{"depth":0,"flash_attention":"auto","generate":128,"kv_type":"f16","n_batch":2048,"n_ubatch":512,"prompt":512"""
                + ""","repetitions":10,"threads":2}""",
            suite.Workloads[3].Settings.ToString());
    }

    [Fact]
    public void Parse_PrefersTheWorkloadsOwnSetting_WhenTheSuiteGivesItToo()
    {
        Suite suite = Parse(Good.Replace("- load", "- load: { threads: [1, 4] }", StringComparison.Ordinal));

        Assert.Equal([1L, 4L], suite.Workloads[^2..].Select(w => w.Settings.Int("threads")));
    }

    [Theory]
    [InlineData("suite: small", "siute: small", 1, 1, "unknown key 'siute'", "did you mean 'suite'?")]
    [InlineData("suite: small", "suite: Small", 1, 8, "name 'Small'", null)]
    [InlineData("suite: small", "suite: [a]", 1, 8, "must be a text, not a list", null)]
    [InlineData("suite: small", "suite: small\nsuite: other", 2, 1, "given twice; first on line 1", null)]
    [InlineData("suite: small", "description: x", 1, 1, "no 'suite'", null)]
    [InlineData("suite: small", "suite: small\nextends: b.yaml", 2, 10, "can't be resolved", null)]
    [InlineData("suite: small", "suite: !!str small", 1, 8, "tag", null)]
    [InlineData("    source: models/m", "    sorce: models/m", 4, 5, "unknown key 'sorce'", "did you mean 'source'?")]
    [InlineData("    source: models/m", "    source: a\n  - id: m\n    source: b", 5, 9, "'m' is used twice", null)]
    [InlineData("gguf:Q4_K_M", "gguf:Q4_K_X", 5, 22, "'gguf:Q4_K_X'", "gguf:Q4_K_S")]
    [InlineData("\"gguf:IQ2_XS+imatrix\"", "gguf:IQ2_XS", 5, 35, "without an importance matrix", "gguf:IQ2_XS+imatrix")]
    [InlineData("gguf:Q4_K_M", "gguf:F16+imatrix", 5, 22, "changes nothing", "gguf:F16")]
    [InlineData("gguf:Q4_K_M", "gguf:f32", 5, 22, "listed twice", null)]
    [InlineData("gguf:Q4_K_M", "safetensors:F16", 5, 22, "llamacpp reads gguf only", null)]
    [InlineData("[llamacpp/cpu]", "[]", 6, 11, "'backends' is empty", null)]
    [InlineData("llamacpp/cpu", "llamacpp", 6, 12, "'llamacpp' isn't a backend", "llamacpp/cpu")]
    [InlineData("llamacpp/cpu", "LlamaCpp/CPU", 6, 12, "isn't a backend", null)]
    [InlineData("threads: 2", "thread: 2", 7, 13, "unknown setting 'thread'", "did you mean 'threads'?")]
    [InlineData("threads: 2", "threads: \"2\"", 7, 22, "must be a whole number, not the text \"2\"", null)]
    [InlineData("threads: 2", "threads: 2000", 7, 22, "is 2000, outside 0 to 1024", null)]
    [InlineData("threads: 2", "threads: []", 7, 22, "is empty", null)]
    [InlineData("threads: 2", "threads: [2, 2]", 7, 26, "lists 2 twice", null)]
    [InlineData("threads: 2", "kv_type: q8_1", 7, 22, "can't be 'q8_1'", "'q8_0'")]
    [InlineData("- perplexity", "- perplexty", 9, 5, "no workload 'perplexty'", "did you mean 'perplexity'?")]
    [InlineData("n_ctx: 512", "prompt: 512", 9, 34, "doesn't apply to perplexity", "belongs to latency")]
    [InlineData("n_ctx: 512", "n_ctx: 511", 9, 5, "odd", null)]
    [InlineData("reference: f32", "n_ctx: 512", 10, 5, "no reference", "gguf:F32")]
    [InlineData("reference: f32", "reference: f33", 10, 42, "'f33'", "F32")]
    [InlineData("reference: f32", "reference: safetensors:F32", 10, 5, "llamacpp reads gguf only", null)]
    [InlineData("reference: f32", "reference: safetensors:F32, reference_backend: llamacpp/cpu", 10, 5, "llamacpp reads gguf only",
        "reference_backend")]
    [InlineData("reference: f32", "reference: f32, reference_backend: llamacpp", 10, 5, "'llamacpp' is not engine/device", "llamacpp/cpu")]
    [InlineData("prompt: [128, 512], generate: 128", "prompt: [128, 0], generate: 0", 11, 5, "measures nothing", null)]
    [InlineData("- load", "- load: { flash_attention: off, kv_type: q8_0 }", 12, 5, "needs flash attention", "auto")]
    [InlineData("- load", "- load: { n_batch: 128, n_ubatch: 256 }", 12, 5, "n_ubatch 256 is larger", null)]
    [InlineData("- load", "- load: { repetitions: 300 }", 12, 5, "more than max_repetitions 200", null)]
    [InlineData("- load", "- load\n  - load", 13, 5, "listed twice", null)]
    [InlineData("- load", "- { load: , latency: }", 12, 15, "one workload", null)]
    [InlineData("variant: gguf:F32", "variant: gguf:Q9*", 13, 23, "matches no cell", null)]
    [InlineData("variant: gguf:F32", "varient: gguf:F32", 13, 14, "unknown key 'varient'", "did you mean 'variant'?")]
    [InlineData("variant: gguf:F32, workload: divergence", "model: m", 13, 12, "leave no cell", null)]
    [InlineData("variant: gguf:F32, workload: divergence", "", 13, 12, "rule is empty", null)]
    [InlineData("5m", "5", 14, 25, "must be a duration", "90s")]
    [InlineData("4GiB", "4G", 14, 42, "must be a size", "4GiB")]
    [InlineData("sotu:train", "sotu:test", 15, 21, "the text that perplexity is evaluated on", "sotu:train")]
    [InlineData("interleave: true", "interleave: yes", 16, 13, "true or false, not 'yes'", null)]
    [InlineData("interleave: true", "rules: []", 16, 1, "unknown key 'rules'", null)]
    [InlineData("5m, cell_memory", "5m }, cell_memory", 14, 0, "isn't YAML", null)]
    public void Parse_NamesFaultAndPlace_WhenSomethingIsWrong(string from, string to, int line, int column, string problem, string? hint)
    {
        Assert.Contains(from, Good, StringComparison.Ordinal);
        int at = Good.IndexOf(from, StringComparison.Ordinal);

        var e = Assert.Throws<SuiteException>(() => Parse(Good[..at] + to + Good[(at + from.Length)..]));

        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        Assert.Equal(line, e.Line);
        if (column > 0) Assert.Equal(column, e.Column); // 0: the parser decides where it noticed
        if (hint is not null) Assert.Contains(hint, e.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_Refuses_WhenAliasesMultiply()
    {
        var text = new StringBuilder("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for (char c = 'b'; c < 'k'; c++)
            text.Append(
                $"{c}: &{c} [{string.Join(", ", Enumerable.Repeat($"*{(char)(c - 1)}", 6))}]\n");

        var e = Assert.Throws<SuiteException>(() => Parse(text.ToString()));

        Assert.Contains("more than 20000 values", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_TakesAliases_WhenTheyNameSomething()
    {
        Suite suite =
            Parse(Good.Replace("{ dataset: sotu, n_ctx: 512, chunks: 64 }", "&p { dataset: sotu }\n  - perplexity: *p",
                StringComparison.Ordinal)
            .Replace("- perplexity: *p", "- load: { threads: 7 }", StringComparison.Ordinal));

        Assert.Equal(6, suite.Workloads.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("- a\n")]
    [InlineData("a: *b\n")]
    [InlineData("a: &b [*b]\n")]
    [InlineData("suite: a\n---\nsuite: b\n")]
    [InlineData("? [a]\n: b\n")]
    [InlineData("suite: \"a\\u0000b\"")]
    public void Parse_Throws_WhenTextIsNoSuite(string text)
    {
        var e = Assert.Throws<SuiteException>(() => Parse(text));

        Assert.True(e.Line >= 1);
    }

    [Fact]
    public void Parse_Throws_WhenNestingIsDeep() => Assert.Throws<SuiteException>(() => Parse("a: " + new string('[', 100_000)));

    [Property(MaxTest = 500)]
    public void Parse_RaisesOnlySuiteErrorsWithALine_WhenAnyTextIsGiven(string? text)
    {
        Exception? e = Record.Exception(() => Parse(text ?? ""));

        Assert.True(e is SuiteException { Line: >= 1, Column: >= 1 }, $"{e}");
    }

    [Property(MaxTest = 2000)]
    public void Parse_RaisesOnlySuiteErrorsWithALine_WhenTheSuiteIsMangled(uint at, uint length, char put, bool twice)
    {
        const string Signs = "{}[]:,-&*!|>'\"%@`#?\n\t \0é~";
        int from = (int)(at % Good.Length);
        int to = Math.Min(Good.Length, from + (int)(length % 12));
        string sign = put < 128 ? put.ToString() : Signs[put % Signs.Length].ToString();

        Exception? e = Record.Exception(() => Parse(Good[..from] + sign + (twice ? sign : "") + Good[to..]));

        Assert.True(e is null or SuiteException { Line: >= 1, Column: >= 1 }, $"{from} {to} {sign}: {e}");
    }

    [Theory]
    [InlineData("reference.yaml", 14 + 4, (14 * 4) - 1 + (2 * 4) + (2 * 2))]
    [InlineData("main.yaml", 14 + 4, (14 * 4) - 1 + (2 * 4) + (2 * 2) + 7)]
    [InlineData("main-trace.yaml", 14 + 4, (14 * 4) - 1 + (2 * 4) + (2 * 2) + 7)]
    [InlineData("quick.yaml", 4, (4 * 4) - 1)]
    [InlineData("gguf-all.yaml", 51, (51 * 4) - 1)]
    public void Load_ReadsCommittedSuites(string name, int variants, int cells)
    {
        Suite suite = SuiteLoader.Load(Repository.Suite(name), TestEngines.Catalog);

        Assert.Equal(Path.GetFileNameWithoutExtension(name), suite.Name);
        Assert.Equal(variants, suite.Variants.Length);
        Assert.Equal(cells, Matrix.Expand(suite).Length);
        Assert.Equal(Path.Combine(Repository.Root, "datasets", "reference-model"), suite.Models[0].Source);
    }

    [Theory]
    [InlineData("reference.yaml")]
    [InlineData("quick.yaml")]
    [InlineData("gguf-all.yaml")]
    public void Parse_GivesAnEqualSuite_WhenGivenALoadedSuitesText(string name)
    {
        Suite suite = SuiteLoader.Load(Repository.Suite(name), TestEngines.Catalog);

        AssertEqual(suite, SuiteLoader.Parse(suite.Text, suite.File, Path.GetDirectoryName(suite.File)!, TestEngines.Catalog));
    }

    [Fact]
    public void Load_MergesMapsAndReplacesLists_WhenABaseLiesElsewhere()
    {
        using var folder = new TemporaryFolder();
        folder.Write("base/base.yaml", Good.Replace("dataset: sotu,", "dataset: texts/t.txt,", StringComparison.Ordinal));
        string path =
            folder.Write("mine/mine.yaml",
                "suite: mine\nextends: ../base/base.yaml\nvariants: [F32, Q8_0]\nlimits: { cell_timeout: 1m, cell_memory: null }\nimatrix: "
                    + "null\n");

        Suite suite = SuiteLoader.Load(path, TestEngines.Catalog);

        Assert.Equal("mine", suite.Name);
        Assert.Equal(["gguf:F32", "gguf:Q8_0"], suite.Variants.Select(v => v.Id));
        Assert.Equal(new SuiteLimits { CellTimeout = TimeSpan.FromMinutes(1), PrepareTimeout = TimeSpan.FromMinutes(90) }, suite.Limits);
        Assert.Equal(new ImatrixOptions(), suite.Imatrix);
        Assert.Equal(Path.Combine(folder.Path, "base", "models", "m"), suite.Models[0].Source);
        Assert.Equal("../base/texts/t.txt", suite.Workloads[0].Settings.Text("dataset"));
        AssertEqual(suite, SuiteLoader.Parse(suite.Text, suite.File, Path.GetDirectoryName(path)!, TestEngines.Catalog));
    }

    [Fact]
    public void Load_NamesTheBasesFileAndLine_WhenTheFaultIsThere()
    {
        using var folder = new TemporaryFolder();
        folder.Write("base.yaml", Good.Replace("threads: 2", "threads: x", StringComparison.Ordinal));
        string path = folder.Write("mine.yaml", "extends: base.yaml\nsuite: mine\n");

        var e = Assert.Throws<SuiteException>(() => SuiteLoader.Load(path, TestEngines.Catalog));

        Assert.EndsWith("base.yaml", e.File, StringComparison.Ordinal);
        Assert.Equal(7, e.Line);
    }

    [Fact]
    public void Load_Throws_WhenSuitesExtendEachOther()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.yaml", "suite: a\nextends: b.yaml\n");
        string path = folder.Write("b.yaml", "suite: b\nextends: a.yaml\n");

        var e = Assert.Throws<SuiteException>(() => SuiteLoader.Load(path, TestEngines.Catalog));

        Assert.Contains("extends this suite", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, e.Line);
    }

    [Fact]
    public void Load_Throws_WhenTheBaseIsMissing()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("a.yaml", "suite: a\nextends: gone.yaml\n");

        var e = Assert.Throws<SuiteException>(() => SuiteLoader.Load(path, TestEngines.Catalog));

        Assert.Contains("gone.yaml", e.Message, StringComparison.Ordinal);
        Assert.Equal((2, 10), (e.Line, e.Column));
    }

    [Fact]
    public void Load_Throws_WhenTheChainIsLong()
    {
        using var folder = new TemporaryFolder();
        for (int i = 0; i < 12; i++) folder.Write($"{i}.yaml", $"extends: {i + 1}.yaml\n");

        var e = Assert.Throws<SuiteException>(() => SuiteLoader.Load(Path.Combine(folder.Path, "0.yaml"), TestEngines.Catalog));

        Assert.Contains("more than 8", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Throws_WhenTheFileIsLargeMissingOrBinary()
    {
        using var folder = new TemporaryFolder();
        string large = folder.Write("large.yaml", new string('#', (1 << 20) + 1));
        string binary = Path.Combine(folder.Path, "binary.yaml");
        File.WriteAllBytes(binary, [0xFF, 0xFE, 0x80]);

        Assert.Contains("at most", Fault(large), StringComparison.Ordinal);
        Assert.Contains("UTF-8", Fault(binary), StringComparison.Ordinal);
        Assert.Contains("no such file", Fault(large + "x"), StringComparison.Ordinal);

        static string Fault(string path) => Assert.Throws<SuiteException>(() => SuiteLoader.Load(path, TestEngines.Catalog)).Message;
    }

    internal static Suite Parse(string text) => SuiteLoader.Parse(text, "small.yaml", "/data/suites", TestEngines.Catalog);

    internal static Suite Small(string from = "suite: small", string to = "suite: small") =>
        Parse(Good.Replace(from, to, StringComparison.Ordinal));

    // Record equality of immutable arrays is by reference, so members are compared.
    private static void AssertEqual(Suite a, Suite b)
    {
        Assert.Equal(a.Models.AsEnumerable(), b.Models);
        Assert.Equal(a.Include.AsEnumerable(), b.Include);
        Assert.Equal(a.Exclude.AsEnumerable(), b.Exclude);
        Assert.Equal(Matrix.Expand(a).Select(c => c.Id), Matrix.Expand(b).Select(c => c.Id));
        ImmutableArray<string> none = [];
        Assert.Equal(Strip(a), Strip(b));
        Assert.Equal(a.Tags.AsEnumerable(), b.Tags);
        Suite Strip(Suite s) =>
            s with
            {
                Models = default,
                Variants = default,
                Backends = default,
                Workloads = default,
                Include = default,
                Exclude = default,
                Tags = none
            };
    }

    [Fact]
    public void EveryFaultOfAFile_IsSaidAtOnce()
    {
        SuiteException fault = Assert.Throws<SuiteException>(() => SuiteLoader.Parse(
            """
            suite: a
            models: [{ id: m, source: x.gguf }, { id: m2 }]
            variants: [gguf:Q4_K_M, gguf:Q9_K]
            backends: [enginee/cpu]
            workloads:
              - perplexity: { dataset: sotu }
              - latency: { promt: 12 }
            """, "s.yaml", ".", new EngineCatalog([new EngineFacts("engine", "", "cpu")])));

        Assert.Equal([2, 3, 4, 7], fault.Others.Prepend(fault).Select(f => f.Line));
        Assert.Contains("engine", fault.Others[1].Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APipeAmongSuites_IsRefused_InsteadOfWaitedFor()
    {
        if (!OperatingSystem.IsLinux()) return;
        string directory = Directory.CreateTempSubdirectory("quantbench-test-").FullName;
        string pipe = Path.Combine(directory, "x.yaml");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe)) await made.WaitForExitAsync();

        Task<SuiteException> read = Task.Run(() => Assert.Throws<SuiteException>(() => SuiteLoader.Load(pipe, EngineCatalog.None)));

        Assert.Contains("is a pipe or a device", (await read.WaitAsync(TimeSpan.FromSeconds(20))).Message, StringComparison.Ordinal);
        Directory.Delete(directory, recursive: true);
    }
}
