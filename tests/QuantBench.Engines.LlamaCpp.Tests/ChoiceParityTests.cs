using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
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
/// Choices on the reference model against llama-perplexity's <c>--multiple-choice</c> and <c>--hellaswag</c> (see Golden/README.md).
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
        string path = Build(variant);

        Assert.Equal(right, Digits(Answers(path, variant)));
    }

    /// <summary>The same against the tool itself, where a directory with it is named: multiple choice item by item, HellaSwag, which
    /// shuffles its items, by their number.</summary>
    [NpmTheory(NpmPackage.Texts)]
    [MemberData(nameof(Goldens))]
    public async Task Task_GivesTheToolsAnswers(string variant, string right)
    {
        if (Environment.GetEnvironmentVariable("QB_LLAMA_PERPLEXITY") is not { Length: > 0 } directory) return;
        string path = Build(variant);
        double[] ours = Answers(path, variant);
        string choices = fixture.ScratchFile("choices.bin");
        string hellaSwag = fixture.ScratchFile("hellaswag.txt");
        await File.WriteAllBytesAsync(choices, Binary(Set()));
        await File.WriteAllTextAsync(hellaSwag, string.Join('\n', Set().Items.SelectMany(i =>
            (string[])[i.Choices[0].Context, $"{i.Gold}", .. i.Choices.Select(c => c.Text[1..])])));

        double[] chosen = await SharesAsync(directory, path, "--multiple-choice", "-bf", choices);
        double[] swag = await SharesAsync(directory, path, "--hellaswag", "--hellaswag-tasks", $"{Items}", "-f", hellaSwag);

        double[] theirs = [.. chosen.Select((share, i) => Math.Round((share * (i + 1)) - (i == 0 ? 0 : chosen[i - 1] * i)))];
        Assert.Equal(right, Digits(theirs));
        Assert.Equal(ours, theirs);
        Assert.Equal(ours.Sum(), Math.Round(swag[^1] * Items));
    }

    private string Build(string variant) => new BuilderFixture(fixture).Build(variant, $"choices-{variant[5..]}.gguf");

    private double[] Answers(string path, string variant)
    {
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

        return result.Metrics.Single(m => m.Name == "task_accuracy").Samples!; // one of each item
    }

    private static string Digits(double[] right) =>
        string.Concat(right.Chunk(4).Select(c => ((int)((8 * c[0]) + (4 * c[1]) + (2 * c[2]) + c[3])).ToString("x1")));

    // What the tool prints behind each item: its number, and the share of right ones so far.
    private static async Task<double[]> SharesAsync(string directory, string model, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(directory, "llama-perplexity"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["-m", model, "-t", "2", "-np", "8", "-c", "2048", .. arguments])
            start.ArgumentList.Add(argument);
        using Process tool = Process.Start(start)!; // redirected, so it is a new one
        Task<string> errors = tool.StandardError.ReadToEndAsync();
        string output = await tool.StandardOutput.ReadToEndAsync();
        await tool.WaitForExitAsync();
        double[] shares =
        [
            .. $"{output}\n{await errors}".Split('\n').Select(l => l.Split('\t'))
                .Where(l => l.Length > 1 && int.TryParse(l[0].AsSpan()[(l[0].LastIndexOf(' ') + 1)..], out _))
                .Select(l => double.Parse(l[1].TrimEnd('%', '\r'), CultureInfo.InvariantCulture) / 100),
        ];
        Assert.Equal(Items, shares.Length);
        return shares;
    }

    // Number of items, offset of each; per item its question, its answers with their labels, and no answers of the second kind.
    private static byte[] Binary(TaskSet set)
    {
        using var items = new MemoryStream();
        var offsets = new List<int>();
        foreach (TaskItem item in set.Items)
        {
            offsets.Add((int)items.Length);
            Text(item.Choices[0].Context);
            Number(item.Choices.Length);
            foreach (TaskChoice choice in item.Choices) Text(choice.Text[1..]);
            for (int i = 0; i < item.Choices.Length; i++) Number(i == item.Gold ? 1 : 0);
            Number(0);
        }

        byte[] all = items.ToArray();
        items.SetLength(0);
        Number(set.Items.Length);
        foreach (int offset in offsets) Number(((set.Items.Length + 1) * 4) + offset);
        items.Write(all);
        return items.ToArray();

        void Text(string text)
        {
            Number(Encoding.UTF8.GetByteCount(text));
            items.Write(Encoding.UTF8.GetBytes(text));
        }

        void Number(int value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
            items.Write(bytes);
        }
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
