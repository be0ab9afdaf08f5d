using System.Text;
using FsCheck.Xunit;
using QuantBench.Core.Errors;
using QuantBench.Inference.Tasks;
using QuantBench.TestKit;

namespace QuantBench.Inference.Tests.Tasks;

public sealed class TaskFilesTests : IDisposable
{
    private static readonly TaskSet s_set = TaskSet.Of(
    [
        new TaskItem("1", "copy") { Prompt = "say \"ä\"\n", Answers = ["ä", "Ä"] },
        new TaskItem("2", "choice") { Choices = [new TaskChoice("ab", " cd"), new TaskChoice("ab", " ce")], Gold = 1 },
        new TaskItem("3", "winogrande") { Choices = [new TaskChoice("a b", " d"), new TaskChoice("a cc", " d")], Gold = 0 },
    ]);

    private static readonly TaskSet s_plain =
        TaskSet.Of([new TaskItem("1", "copy") { Prompt = "say a", Answers = ["a"] }, s_set.Items[1], s_set.Items[2]]);

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Set_IsReadAsItWasWritten()
    {
        string path = _folder.Write("set.jsonl", s_set.Lines.ToArray());

        var read = TaskSet.Read(path);

        Assert.Equal(s_set.Sha256, read.Sha256);
        Assert.Equal(s_set.Items.Select(i => (i.Id, i.Kind, i.Prompt, string.Join('|', i.Answers), string.Join('|', i.Choices), i.Gold)),
            read.Items.Select(i => (i.Id, i.Kind, i.Prompt, string.Join('|', i.Answers), string.Join('|', i.Choices), i.Gold)));
    }

    [Fact]
    public void Tokens_AreReadAsTheyWereWritten()
    {
        string path = _folder.Combine("tokens.qbtt");
        TaskTokens made = TaskTokens.Make(s_plain, new ToyTokenizer(bos: 36));
        made.Write(path);

        var read = TaskTokens.Read(path);

        Assert.Equal((s_plain.Sha256, "toy-letters", 37), (read.SetSha256, read.TokenizerSha256, read.VocabularySize));
        for (int i = 0; i < s_plain.Items.Length; i++)
        {
            Assert.Equal(made.Of(i).Select(s => (s.From, string.Join(' ', s.Tokens))),
                read.Of(i).Select(s => (s.From, string.Join(' ', s.Tokens))));
        }

        Assert.Equal("c"u8, read.Bytes(2));
        Assert.True(read.Bytes(36).IsEmpty);
        Assert.True(read.Bytes(1000).IsEmpty);
    }

    /// <summary>Choices with one context are scored from where they differ, those with several from behind their context.</summary>
    [Fact]
    public void Tokens_SayWhereScoringBegins()
    {
        TaskTokens tokens = TaskTokens.Make(s_plain, new ToyTokenizer(bos: 36));

        Assert.Equal([0], tokens.Of(0).Select(s => s.From));
        Assert.Equal([5, 5], tokens.Of(1).Select(s => s.From)); // BOS, "ab c" are common
        Assert.Equal([4, 5], tokens.Of(2).Select(s => s.From));
        Assert.Equal([6, 6], tokens.Of(1).Select(s => s.Tokens.Length));
        Assert.Equal(7, tokens.Longest);
    }

    [Fact]
    public void Tokens_ScoreTheLastToken_OfAChoiceThatBeginsAnother()
    {
        var set = TaskSet.Of([new TaskItem("1", "choice") { Choices = [new TaskChoice("ab", "c"), new TaskChoice("ab", "cd")] }]);

        Assert.Equal([2, 3], TaskTokens.Make(set, new ToyTokenizer()).Of(0).Select(s => s.From));
    }

    /// <summary>A cut or changed file is whole for what it says, or a broken one; nothing else.</summary>
    [Property(MaxTest = 300)]
    public void Read_RaisesOnlyFormatErrors(bool tokens, uint at, byte value, bool cut)
    {
        string path = _folder.Combine("file");
        byte[] bytes;
        if (tokens)
        {
            TaskTokens.Make(s_plain, new ToyTokenizer()).Write(path);
            bytes = File.ReadAllBytes(path);
        }
        else
        {
            bytes = s_set.Lines.ToArray();
        }

        int place = (int)(at % (uint)bytes.Length);
        if (cut) bytes = bytes[..place];
        else bytes[place] = value;
        File.WriteAllBytes(path, bytes);

        Exception? e = Record.Exception(() =>
        {
            if (tokens) _ = TaskTokens.Read(path);
            else _ = TaskSet.Read(path);
        });

        Assert.True(e is null or ModelFormatException, $"byte {place}: {e}");
    }

    [Fact]
    public void Lines_KeepWhatIsNotAscii() => Assert.Contains("ä", Encoding.UTF8.GetString(s_set.Lines.Span), StringComparison.Ordinal);
}
