using System.IO.Compression;
using QuantBench.Core.Errors;
using QuantBench.Core.Metrics;
using QuantBench.Core.Settings;
using QuantBench.Inference.Engines;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Tasks;
using QuantBench.Inference.Tests.Tasks;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Evaluators;

/// <summary>Tasks on the toy engine, whose answers are worked out beside it one token at a time, each from an empty cache.</summary>
public sealed class TaskEvaluatorTests : IDisposable
{
    private static readonly CellSettings s_settings = CellSettings.Empty.With("answer_tokens", 6L);

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2048)]
    [InlineData(3)] // prompts in several appends
    [InlineData(1)]
    public void Evaluate_AnswersGreedily_WhateverTheBatch(long batch)
    {
        string[] prompts = ["hello", "hello world", "again", "a", "hello world"];
        string[] answers = [.. prompts.Select(p => Greedy(p, 6))];
        var set = TaskSet.Of([.. prompts.Select((p, i) => new TaskItem($"{i}", "copy")
        { Prompt = p, Answers = i == 2 ? ["never this"] : ["other", answers[i]] })]);

        EvaluationResult result = Evaluate(set, new ToyEngine(), s_settings.With("n_batch", batch));

        Measurement accuracy = result.Metrics.Single(m => m.Name == "task_accuracy");
        Assert.Equal([1.0, 1, 0, 1, 1], accuracy.Samples!);
        Assert.Equal((0.8, 5L), (accuracy.Value, accuracy.N));
        Assert.Equal([0.3755, 0.9638], accuracy.Ci95!.Select(v => Math.Round(v, 4))); // Wilson's, by hand
        Assert.StartsWith("task-v1;set=mixed;items=5;sha256=", accuracy.Protocol, StringComparison.Ordinal);
        Assert.Contains("answer_tokens=6;match=line;stop=\\n;prompting=raw", accuracy.Protocol, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Metrics, m => m.Name == "task_flips");
    }

    [Fact]
    public void Evaluate_StartsAnew_OnAModelThatCantBeCutBack()
    {
        string[] prompts = ["hello", "help", "hello you"];
        var set = TaskSet.Of([.. prompts.Select(p => new TaskItem(p, "copy") { Prompt = p, Answers = [Greedy(p, 6)] })]);

        EvaluationResult result = Evaluate(set, new ToyEngine { CutsBack = false }, s_settings);

        Assert.Equal(1, Value(result, "task_accuracy"));
    }

    [Theory]
    [InlineData("mean")]
    [InlineData("sum")]
    [InlineData("bytes")]
    public void Evaluate_TakesTheLikeliestChoice(string score)
    {
        string[][] choices = [["abc", "abcd", "x"], [" no", " yes", " perhaps"], ["aa", "bb", "cc"], ["a", "ab", "abc"]];
        string context = "what is it";
        int[] best = [.. choices.Select(c => Best(context, c, score))];
        var set = TaskSet.Of([.. choices.Select((c, i) => new TaskItem($"{i}", "choice")
        { Choices = [.. c.Select(t => new TaskChoice(context, t))], Gold = i == 1 ? (best[1] + 1) % 3 : best[i] })]);

        EvaluationResult result = Evaluate(set, new ToyEngine(), s_settings.With("choice_score", score));

        Assert.Equal([1.0, 0, 1, 1], result.Metrics.Single(m => m.Name == "task_accuracy").Samples!);
        Assert.EndsWith($"choice_score={score}", result.Provenance["protocol"], StringComparison.Ordinal);
        Assert.Contains(result.Notes, n => n == "guessing among the choices gives 33.3 %");
    }

    [Fact]
    public void Evaluate_ComparesWithTheReference_ItemByItem()
    {
        string[] prompts = [.. Enumerable.Range(0, 40).Select(i => $"item {i % 8}{(char)('a' + (i / 8))}")];
        string[] exact = [.. prompts.Select(p => Greedy(p, 6))];
        string[] shifted = [.. prompts.Select(p => Greedy(p, 6, 0.6f))];
        // A third expects the reference's answer, a third the variant's, the others neither's.
        var set = TaskSet.Of([.. prompts.Select((p, i) => new TaskItem($"{i}", i % 2 == 0 ? "even" : "odd")
        { Prompt = p, Answers = [i % 3 == 0 ? exact[i] : i % 3 == 1 ? shifted[i] : "?"] })]);
        bool[] reference = [.. set.Items.Select((t, i) => t.Answers[0] == exact[i])];
        bool[] variant = [.. set.Items.Select((t, i) => t.Answers[0] == shifted[i])];
        int lost = reference.Zip(variant).Count(p => p.First && !p.Second);
        int gained = reference.Zip(variant).Count(p => !p.First && p.Second);
        int both = reference.Zip(variant).Count(p => p.First && p.Second);
        Assert.True(lost > 2 && gained > 2 && lost + gained < 40); // or nothing is compared
        string path = _folder.Combine("reference");
        new TaskEvaluator().ComputeReference(Context(set, new ToyEngine(), s_settings), path, default);

        EvaluationResult result = new TaskEvaluator().Evaluate(
            Context(set, new ToyEngine { Shift = 0.6f }, s_settings) with { ReferencePath = path, OutputFolder = _folder.Combine("cell") },
            default);

        Assert.Equal((lost / 40.0, gained / 40.0, (lost + gained) / 40.0),
            (Value(result, "task_lost"), Value(result, "task_gained"), Value(result, "task_flips")));
        Assert.Equal((double)(both + gained) / (both + lost), Value(result, "task_recovery"), 1e-12);
        Assert.Equal(exact.Zip(shifted).Count(p => p.First == p.Second) / 40.0, Value(result, "task_same_answer"));
        Assert.Equal(McNemar(lost, gained), Value(result, "task_flip_p"), 1e-12);
        Assert.EndsWith(";reference=gguf:F32", result.Metrics.Single(m => m.Name == "task_flips").Protocol, StringComparison.Ordinal);
        Assert.Equal(variant.Where((_, i) => i % 2 == 0).Average(r => r ? 1.0 : 0), result.Conditions["accuracy_even"]);
        string file = Path.Combine(_folder.Combine("cell"), result.Provenance["items_file"]);
        using var lines = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        string first = lines.ReadLine()!;
        Assert.StartsWith("{\"id\":\"0\",\"kind\":\"even\",\"right\":", first, StringComparison.Ordinal);
        Assert.Contains("\"reference_right\":true", first, StringComparison.Ordinal);
        Assert.Equal(39, lines.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void Evaluate_HasNoRecovery_OfAReferenceThatHasNothingRight()
    {
        var set = TaskSet.Of([new TaskItem("1", "copy") { Prompt = "a", Answers = ["?"] }]);
        string path = _folder.Combine("reference");
        new TaskEvaluator().ComputeReference(Context(set, new ToyEngine(), s_settings), path, default);

        EvaluationResult result =
            new TaskEvaluator().Evaluate(Context(set, new ToyEngine(), s_settings) with { ReferencePath = path }, default);

        Assert.DoesNotContain(result.Metrics, m => m.Name == "task_recovery");
        Assert.Equal((1, 0), (Value(result, "task_same_answer"), Value(result, "task_flips")));
        Assert.Contains(result.Notes, n => n.Contains("no item right", StringComparison.Ordinal));
    }

    [Fact]
    public void Evaluate_RefusesAReferenceOfOtherItems_AndABrokenOne()
    {
        string path = _folder.Combine("reference");
        TaskSet one = TaskSet.Of([new TaskItem("1", "copy") { Prompt = "a", Answers = ["?"] }]);
        TaskSet other = TaskSet.Of([new TaskItem("1", "copy") { Prompt = "b", Answers = ["?"] }]);
        new TaskEvaluator().ComputeReference(Context(one, new ToyEngine(), s_settings), path, default);

        Assert.Throws<RequestException>(() =>
            new TaskEvaluator().Evaluate(Context(other, new ToyEngine(), s_settings) with { ReferencePath = path }, default));
        string[] lines = File.ReadAllLines(path);
        foreach (string broken in (string[])["", lines[0], "{}", $"{lines[0]}\n[]", $"{lines[0]}\n{{\"right\":1}}"])
        {
            File.WriteAllText(path, broken);
            Assert.Throws<ModelFormatException>(() =>
                new TaskEvaluator().Evaluate(Context(one, new ToyEngine(), s_settings) with { ReferencePath = path }, default));
        }
    }

    [Theory]
    [InlineData("line", " 12\nQuestion", "12", true)]
    [InlineData("line", "12.", "12", false)] // exact is exact
    [InlineData("line", "\n12", "12", false)] // the line is empty
    [InlineData("number", "so it is 3 + 4 = 7.", "7", true)]
    [InlineData("number", "it costs $1,234.50 in all", "1234.5", true)]
    [InlineData("number", "from 5 to -3", "-3", true)]
    [InlineData("number", "5-3", "3", true)] // no sign, but a difference
    [InlineData("number", "none", "3", false)]
    [InlineData("number", "3", "none", false)]
    [InlineData("number", "v1.2.3", "3", false)] // 1.2.3 is no number
    public void Rule_Judges(string match, string said, string expected, bool right) =>
        Assert.Equal(right, new TaskRule(s_settings.With("match", match))
            .Judge(new TaskItem("1", "x") { Prompt = "p", Answers = [expected] }, said).Right);

    [Fact]
    public void Rule_ReadsAChatsAnswer_BehindEmptyLines() =>
        Assert.True(new TaskRule(s_settings.With("prompting", "chat"))
            .Judge(new TaskItem("1", "x") { Prompt = "p", Answers = ["12"] }, "\n\n12\nok").Right);

    [Fact]
    public void CanRun_RefusesChats_InThisProcess()
    {
        var set = TaskSet.Of([new TaskItem("1", "copy") { Prompt = "a", Answers = ["?"] }]);
        var evaluator = new TaskEvaluator();

        Assert.Contains("chat template", evaluator.CanRun(Context(set, new ToyEngine(), s_settings.With("prompting", "chat"))).Reason);
        Assert.True(evaluator.CanRun(Context(set, new ToyEngine(), s_settings)).IsSupported);
    }

    [Fact]
    public void Evaluate_SaysWhichItem_WhenLogitsArentFinite()
    {
        var set = TaskSet.Of([new TaskItem("first", "copy") { Prompt = "ab", Answers = ["?"] }]);

        EngineException e = Assert.Throws<EngineException>(() => Evaluate(set, new ToyEngine { NaNAtAppend = 0 }, s_settings));

        Assert.Contains("item 1 (first)", e.Message, StringComparison.Ordinal);
    }

    private static EvaluationContext Context(TaskSet set, IEngine engine, CellSettings settings) =>
        ToyEngine.Context(engine, "task", TimeProvider.System, settings) with
        {
            Task = new TaskInput(set, TaskTokens.Make(set, new ToyTokenizer())),
        };

    private static EvaluationResult Evaluate(TaskSet set, IEngine engine, CellSettings settings) =>
        new TaskEvaluator().Evaluate(Context(set, engine, settings), CancellationToken.None);

    private static double Value(EvaluationResult result, string metric) => result.Metrics.Single(m => m.Name == metric).Value;

    private static string Greedy(string prompt, int most, float shift = 0)
    {
        List<int> tokens = [.. new ToyTokenizer().Encode(prompt)];
        string text = "";
        for (int i = 0; i < most; i++)
        {
            float[] row = Row(tokens, shift);
            int next = Array.IndexOf(row, row.Max());
            if (next == ToyTokenizer.Alphabet.Length) break;
            text += ToyTokenizer.Alphabet[next];
            tokens.Add(next);
            if (text.Contains('\n')) break;
        }

        return text.Split('\n')[0].Trim();
    }

    private static int Best(string context, string[] choices, string score)
    {
        var tokenizer = new ToyTokenizer();
        int[][] all = [.. choices.Select(c => tokenizer.Encode(context + c))];
        int common = 0;
        while (all.All(a => common < a.Length && a[common] == all[0][common])) common++;
        double[] scores = new double[choices.Length];
        for (int i = 0; i < all.Length; i++)
        {
            int from = Math.Min(common, all[i].Length - 1);
            double sum = 0;
            for (int at = from; at < all[i].Length; at++)
            {
                float[] row = Row([.. all[i][..at]], 0);
                sum += row[all[i][at]] - Math.Log(row.Sum(v => Math.Exp(v)));
            }

            scores[i] = score switch { "sum" => sum, "bytes" => sum / choices[i].Length, _ => sum / (all[i].Length - from) };
        }

        return Array.IndexOf(scores, scores.Max());
    }

    private static float[] Row(List<int> tokens, float shift)
    {
        int s = tokens.Sum() % 37;
        int p = tokens.Count - 1;
        return [.. Enumerable.Range(0, 37).Select(i =>
        {
            int h = (int)((((long)s * 7919) + ((long)p * 104729) + (i * 1299709L) + ((long)s * i * 31)) % 10007);
            return ((h - 5003) / 1024f) + (shift * ((((h * 17) + (i * 5)) % 101 - 50) / 512f));
        })];
    }

    private static double McNemar(int lost, int gained)
    {
        int n = lost + gained;
        double sum = 0;
        for (int k = 0; k <= Math.Min(lost, gained); k++)
        {
            double ways = 1;
            for (int i = 0; i < k; i++) ways = ways * (n - i) / (i + 1);
            sum += ways;
        }

        return lost == gained ? 1 : Math.Min(1, 2 * sum / Math.Pow(2, n));
    }
}
