using QuantBench.Core.Cells;
using QuantBench.Core.Settings;
using QuantBench.Core.Variants;
using QuantBench.Engines.LlamaCpp.Tests.Artifacts;
using QuantBench.Formats.Tokenizers;
using QuantBench.Inference.Evaluators;
using QuantBench.Inference.Tasks;
using QuantBench.Models.Sources;
using QuantBench.TestKit;

namespace QuantBench.Engines.LlamaCpp.Tests;

/// <summary>
/// Choices on the reference model against llama-perplexity's <c>--multiple-choice</c> and <c>--hellaswag</c> (see Golden/README.md), item
/// by item.
/// </summary>
[Collection(LlamaCollection.Name)]
public sealed class ChoiceParityTests(LlamaFixture fixture)
{
    private const int Items = 200;

    /// <summary>Variant, and which of its items are right: 50 hexadecimal digits, four items each, the first one in the highest
    /// bit.</summary>
    public static TheoryData<string, string> Goldens => new()
    {
        { "gguf:F16", "bbe6c73c8e370f6b55eabebc7d73f37e6f17d1b4aeb1bed1e1" },
        { "gguf:Q4_K_M", "bbe6c73c8e370f6b55eabebc7d73f37e6f17d1b5aeb1bfd1e1" },
    };

    [NpmTheory(NpmPackage.Texts)]
    [MemberData(nameof(Goldens))]
    public void Task_GivesLlamaPerplexitysAnswers_ToEveryItem(string variant, string right)
    {
        string path = new BuilderFixture(fixture).Build(variant, $"choices-{variant[5..]}.gguf");
        ITextTokenizer tokenizer = ModelSource.OpenTokenizer(ModelSource.Open(path));
        TaskSet set = Set();
        using var machine = new MachineProbe(TimeProvider.System);
        EvaluationResult result = new TaskEvaluator().Evaluate(
            new EvaluationContext
            {
                Cell = new Cell("reference", Variant.Parse(variant), new BackendId("llamacpp", "cpu"), "task",
                    CellSettings.Empty.With("threads", 2L)),
                Artifact = LlamaFixture.Artifact(path, variant),
                Engine = fixture.Engine,
                Task = new TaskInput(set, TaskTokens.Make(set, tokenizer)),
                Clock = TimeProvider.System,
                Machine = machine,
                Progress = new Progress<EvaluationProgress>(),
            }, CancellationToken.None);

        double[] found = result.Metrics.Single(m => m.Name == "task_accuracy").Samples!;
        Assert.Equal(right, string.Concat(found.Chunk(4).Select(c => ((int)((8 * c[0]) + (4 * c[1]) + (2 * c[2]) + c[3])).ToString("x1"))));
    }

    /// <summary>Twenty-four words of the text, and what follows against ten words from elsewhere.</summary>
    private static TaskSet Set()
    {
        string[] words = ReferenceText.Sotu().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return TaskSet.Of([.. Enumerable.Range(0, Items).Select(i =>
        {
            int start = 600 * i;
            string context = Words(start, 24);
            string[] endings =
                [Words(start + 24, 10), .. Enumerable.Range(1, 3).Select(k => Words((start + 24 + (20_011 * k) + 7) % words.Length, 10))];
            int gold = i % 4;
            (endings[0], endings[gold]) = (endings[gold], endings[0]);
            return new TaskItem($"{i + 1}", "choice") { Choices = [.. endings.Select(e => new TaskChoice(context, " " + e))], Gold = gold };
        })]);

        string Words(int from, int count) => string.Join(' ', words.Skip(from).Take(count));
    }
}
