using System.Globalization;
using System.Text.Json;
using QuantBench.Core.Settings;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Tasks;
using QuantBench.Runner.Tasks;

namespace QuantBench.Runner.Tests.Tasks;

public sealed class OwnTasksTests
{
    /// <summary>What figures are compared by: a change here is a change of the set, which then has another hash on purpose.</summary>
    [Fact]
    public void Make_GivesTheSameBytes_OnEveryMachine() =>
        Assert.Equal("f9e4101b42020eda", OwnTasks.Make("mixed", 1, 25, 60).Sha256[..16]);

    /// <summary>The published generator's first numbers from 0: 0xE220A8397B1DCDAF and 0x6E789E6AA1B965F4.</summary>
    [Fact]
    public void SplitMix_IsThePublishedOne()
    {
        var random = new SplitMix(0);

        Assert.Equal((4995, 431482), (random.Next(1_000_003), random.Next(1_000_003)));
    }

    [Theory]
    [InlineData("arithmetic")]
    [InlineData("copy")]
    [InlineData("sort")]
    [InlineData("json")]
    [InlineData("needle")]
    public void Make_KnowsTheAnswers(string name)
    {
        TaskSet set = OwnTasks.Make(name, 7, 60, 120);

        Assert.Equal(60, set.Items.Length);
        Assert.Equal(60, set.Items.Select(i => i.Id).Distinct().Count());
        Assert.True(set.Items.Select(i => i.Prompt).Distinct().Count() > 55);
        Assert.All(set.Items, item =>
        {
            Assert.EndsWith("\nAnswer:", item.Prompt, StringComparison.Ordinal);
            Assert.Equal(Solve(name, item.Prompt, item.Prompt[(item.Prompt.LastIndexOf("Question: ", StringComparison.Ordinal) + 10)..^8]),
                Assert.Single(item.Answers));
        });
    }

    [Fact]
    public void Make_BeginsAsAShorterOne_AndDiffersBySeed()
    {
        string[] few = [.. OwnTasks.Make("mixed", 3, 10, 60).Items.Select(i => i.Prompt)];

        Assert.Equal(few, OwnTasks.Make("mixed", 3, 30, 60).Items.Take(10).Select(i => i.Prompt));
        Assert.Empty(few.Intersect(OwnTasks.Make("mixed", 4, 10, 60).Items.Select(i => i.Prompt)));
        Assert.Equal(5, OwnTasks.Make("mixed", 3, 10, 60).Items.Select(i => i.Kind).Distinct().Count());
    }

    /// <summary>Needles lie at a tenth, three tenths … nine tenths of their haystack.</summary>
    [Fact]
    public void Needles_LieWhereTheirNamesSay()
    {
        foreach (TaskItem item in OwnTasks.Make("needle", 1, 10, 400).Items)
        {
            double said = double.Parse(item.Id.Split('@')[1].TrimEnd('%'), CultureInfo.InvariantCulture) / 100;
            double at = (double)item.Prompt.IndexOf($"is {item.Answers[0]}. ", StringComparison.Ordinal) / item.Prompt.Length;
            Assert.InRange(at, said - 0.12, said + 0.12);
            Assert.InRange(item.Prompt.Count(c => c == ' '), 400, 460);
        }
    }

    [Fact]
    public void EverySetOfOurs_IsMade() => Assert.All(TaskSettings.OwnSets, name => Assert.Equal(12,
        TaskCatalog.Resolve(CellSettings.Empty.With("set", name).With("items", 12L), "/").Items.Length));

    private static string Solve(string kind, string prompt, string question)
    {
        string behind = question[(question.IndexOf(": ", StringComparison.Ordinal) + 2)..];
        switch (kind)
        {
            case "arithmetic":
                string[] parts = question["What is ".Length..^1].Split(' ');
                long a = long.Parse(parts[0], CultureInfo.InvariantCulture);
                long b = long.Parse(parts[2], CultureInfo.InvariantCulture);
                return (parts[1] switch { "+" => a + b, "-" => a - b, _ => a * b }).ToString(CultureInfo.InvariantCulture);
            case "copy":
                return behind;
            case "sort":
                string[] words = behind.Split(' ');
                Array.Sort(words, StringComparer.Ordinal);
                return string.Join(' ', words);
            case "json":
                string field = question["What is the ".Length..question.IndexOf(" in ", StringComparison.Ordinal)];
                using (JsonDocument document = JsonDocument.Parse(question[question.IndexOf('{')..^1]))
                    return document.RootElement.GetProperty(field).ToString();
            default:
                string thing = question["What is the secret number of the ".Length..^1];
                string said = $"The secret number of the {thing} is ";
                return prompt.Substring(prompt.IndexOf(said, StringComparison.Ordinal) + said.Length, 4);
        }
    }
}
