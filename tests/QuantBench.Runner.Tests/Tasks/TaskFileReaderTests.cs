using System.Text;
using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Core.Settings;
using QuantBench.Inference.Tasks;
using QuantBench.Runner.Tasks;
using QuantBench.TestKit;

namespace QuantBench.Runner.Tests.Tasks;

public sealed class TaskFileReaderTests
{
    private const string Lines = """
        {"prompt": "2+2=", "answer": 4}

        {"id": "b", "kind": "sum", "prompt": "3+4=", "answers": ["7", "seven"]}
        {"question": "How many?", "answer": "First 3, then 4.\n#### 7"}
        {"prompt": "The sky is", "choices": [" blue", " green"], "gold": 0}
        {"activity_label": "Cooking", "ctx": "She cuts", "endings": ["an onion.", "a car.", "the sea.", "time."], "label": "1"}
        {"ctx": "He runs", "endings": ["a", "b", "c", "d"], "label": 3}
        {"sentence": "Ann beat Bea because _ trained more.", "option1": "Ann", "option2": "Bea", "answer": "2"}
        {"id": "Mercury_7", "question": "What is hot?", "choices": {"text": ["ice", "fire"], "label": ["A", "B"]}, "answerKey": "B"}
        {"question": "What is cold? ", "choices": ["ice", "fire", "sun", "tea"], "answer": 0, "subject": "physics"}
        {"question": "What is wet?", "choices": ["dust", "rain"], "answer": "B"}
        """;

    [Fact]
    public void Read_TakesEveryForm()
    {
        TaskItem[] items = [.. TaskFileReader.Read("f.jsonl", Encoding.UTF8.GetBytes("\uFEFF" + Lines), int.MaxValue)];

        Assert.Equal(
        [
            "1 answer 2+2= -> 4", "b sum 3+4= -> 7/seven", "3 answer Question: How many?\nAnswer: -> 7",
            "4 choice The sky is[ blue| green] 0", "5 hellaswag Cooking: She cuts[ an onion.| a car.| the sea.| time.] 1",
            "6 hellaswag He runs[ a| b| c| d] 3",
            "7 winogrande Ann beat Bea because Ann[ trained more.| trained more.] 1",
            "Mercury_7 arc Question: What is hot?\nAnswer:[ ice| fire] 1",
            "9 physics What is cold?\nA. ice\nB. fire\nC. sun\nD. tea\nAnswer:[ A| B| C| D] 0",
            "10 mmlu What is wet?\nA. dust\nB. rain\nAnswer:[ A| B] 1",
        ], items.Select(Text));
        Assert.Equal("Ann beat Bea because Bea", items[6].Choices[1].Context);
    }

    [Theory]
    [InlineData("{\"prompt\": \"a\"}")] // no answer
    [InlineData("{\"prompt\": \"\", \"answer\": \"b\"}")]
    [InlineData("{\"prompt\": \"a\", \"choices\": [\"b\"], \"gold\": 0}")] // one choice is none
    [InlineData("{\"prompt\": \"a\", \"choices\": [\"b\", \"c\"], \"gold\": 2}")]
    [InlineData("{\"prompt\": \"a\", \"choices\": [\"b\", \"\"], \"gold\": 0}")]
    [InlineData("{\"sentence\": \"no gap\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"1\"}")]
    [InlineData("{\"sentence\": \"a _ b\", \"option1\": \"a\", \"option2\": \"b\", \"answer\": \"3\"}")]
    [InlineData("{\"question\": \"q\", \"choices\": {\"text\": [\"a\", \"b\"], \"label\": [\"A\", \"B\"]}, \"answerKey\": \"C\"}")]
    [InlineData("{\"text\": \"a\"}")]
    [InlineData("{\"prompt\": \"a\", \"answer\": {}}")]
    [InlineData("{\"prompt\": ")]
    [InlineData("{} x")]
    [InlineData("")]
    public void Read_NamesTheLine_ThatIsNoItem(string line)
    {
        string text = line.Length == 0 ? "" : $"{{\"prompt\":\"a\",\"answer\":\"b\"}}\n{line}\n";
        SuiteException e =
            Assert.Throws<SuiteException>(() => TaskFileReader.Read("f.jsonl", Encoding.UTF8.GetBytes(text), int.MaxValue));

        if (line.Length > 0) Assert.Contains("f.jsonl:2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TakesLlamaPerplexitysHellaSwag()
    {
        const string File = "Cooking: She cuts\n1\nan onion.\na car.\nthe sea.\ntime.\nHe runs\r\n3\r\na\r\nb\r\nc\r\nd\r\n";

        Same(TaskFileReader.Read("h.txt", Encoding.UTF8.GetBytes(File), int.MaxValue),
            "1 hellaswag Cooking: She cuts[ an onion.| a car.| the sea.| time.] 1", "2 hellaswag He runs[ a| b| c| d] 3");
        Assert.Throws<SuiteException>(() => TaskFileReader.Read("h.txt", Encoding.UTF8.GetBytes("a\nb\n"), int.MaxValue));
        Assert.Throws<SuiteException>(() => TaskFileReader.Read("h.txt", Encoding.UTF8.GetBytes("c\n4\na\nb\nc\nd\n"), int.MaxValue));
    }

    [Fact]
    public void Read_TakesLlamaPerplexitysChoices()
    {
        Same(TaskFileReader.Read("c.bin", Binary(), int.MaxValue), "1 choice What?[ ice| fire] 1", "2 choice Who?[ I| you| he] 0");
        Same(TaskFileReader.Read("c.bin", Binary(), 1), "1 choice What?[ ice| fire] 1");
    }

    [Property(MaxTest = 500)]
    public void Read_RaisesOnlyItsOwnErrors(bool binary, uint at, byte value, bool cut)
    {
        byte[] bytes = binary ? Binary() : Encoding.UTF8.GetBytes(Lines);
        int place = (int)(at % (uint)bytes.Length);
        if (cut) bytes = bytes[..place];
        else bytes[place] = value;

        Exception? e = Record.Exception(() => TaskFileReader.Read("f", bytes, int.MaxValue));

        Assert.True(e is null or SuiteException or ModelFormatException, $"byte {place}: {e}");
    }

    [Fact]
    public void Resolve_FindsAFileBesideTheSuite_AndSaysWhichSetsThereAre()
    {
        using var folder = new TemporaryDirectory();
        folder.Write("mine.jsonl", Encoding.UTF8.GetBytes(Lines));
        CellSettings settings = CellSettings.Empty.With("set", "mine.jsonl");

        Assert.Equal(3, TaskCatalog.Resolve(settings.With("items", 3L), folder.Path).Items.Length);
        Assert.Equal(10, TaskCatalog.Resolve(settings.With("items", 0L), folder.Path).Items.Length);
        Assert.Equal(10, TaskCatalog.Resolve(settings, folder.Path).Items.Length);
        RequestException e = Assert.Throws<RequestException>(() => TaskCatalog.Resolve(settings.With("set", "sorting"), folder.Path));
        Assert.Contains("arithmetic, copy, sort", e.Hint, StringComparison.Ordinal);
    }

    private static void Same(IEnumerable<TaskItem> items, params string[] expected) =>
        Assert.Equal(expected, items.Select(Text));

    private static string Text(TaskItem item) => item.IsChoice
        ? $"{item.Id} {item.Kind} {item.Choices[0].Context}[{string.Join('|', item.Choices.Select(c => c.Text))}] {item.Gold}"
        : $"{item.Id} {item.Kind} {item.Prompt} -> {string.Join('/', item.Answers)}";

    private static byte[] Binary()
    {
        byte[] first = Item("What?", ["ice", "fire"], 1);
        byte[] second = Item("Who?", ["I", "you", "he"], 0);
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(2u);
        writer.Write(12u);
        writer.Write(12u + (uint)first.Length);
        writer.Write(first);
        writer.Write(second);
        return stream.ToArray();
    }

    private static byte[] Item(string question, string[] answers, int gold)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        Put(question);
        writer.Write((uint)answers.Length);
        foreach (string answer in answers) Put(answer);
        for (int i = 0; i < answers.Length; i++) writer.Write(i == gold ? 1 : 0);
        writer.Write(1u); // the answers with several right ones
        Put("x");
        writer.Write(1);
        return stream.ToArray();

        void Put(string text)
        {
            writer.Write((uint)Encoding.UTF8.GetByteCount(text));
            writer.Write(Encoding.UTF8.GetBytes(text));
        }
    }
}
