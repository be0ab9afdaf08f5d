using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using QuantBench.Core.Workloads;
using QuantBench.Inference.Tasks;

namespace QuantBench.Runner.Tasks;

/// <summary>
/// Sets of our own: short questions with one right answer, made by a seed, three answered ones before each. A change of what they ask
/// changes the hash of the set, and with it what figures are compared.
/// </summary>
internal static class OwnTasks
{
    private const int Examples = 3;
    private const int Depths = 5;

    private static readonly ImmutableArray<string> s_words =
    [
        .. ("apple bread chair dance eagle fence glass horse island jacket kettle lemon marble needle ocean paper queen river stone table "
            + "uncle violin water yellow zebra anchor button candle desert engine feather garden hammer insect jungle kitten ladder mirror "
            + "number orange pencil rabbit silver tiger valley window bridge castle donkey forest guitar helmet").Split(' '),
    ];

    private static readonly ImmutableArray<string> s_names = [.. "Anna Boris Clara David Elena Frank Greta Henry Irene Jakob".Split(' ')];
    private static readonly ImmutableArray<string> s_cities =
        [.. "Oslo Paris Cairo Lima Delhi Tokyo Quito Vienna Dublin Prague".Split(' ')];

    private static readonly ImmutableArray<string> s_filler =
    [
        "The shop at the corner opens early in the morning.", "A boat went slowly down the river.", "It rained for most of the week.",
        "The children played in the garden until evening.", "She wrote a long letter to her brother.", "The road to the village is narrow.",
        "He bought a new coat for the winter.", "The train was late again.", "Nobody knew who had left the window open.",
        "They walked along the shore and talked.", "The old clock in the hall stopped.", "A letter lay on the table.",
    ];

    /// <summary>Makes a set.</summary>
    /// <param name="name">Its name, <see cref="TaskSettings.OwnSets"/>.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="items">Number of items, at least 1.</param>
    /// <param name="haystack">Words around a needle.</param>
    public static TaskSet Make(string name, long seed, int items, int haystack)
    {
        string[] kinds = name == TaskSettings.Mixed ? [.. TaskSettings.OwnSets.Where(s => s != TaskSettings.Mixed)] : [name];
        return TaskSet.Of([.. Enumerable.Range(0, items).Select(i =>
        {
            string kind = kinds[i % kinds.Length];
            // Each item has numbers of its own, so that a longer set begins with a shorter one.
            var random = new SplitMix(unchecked(((ulong)seed * 1_000_003) + (ulong)i));
            return kind == TaskSettings.Needle ? Needle(i, ((i / kinds.Length % Depths) + 0.5) / Depths, haystack, ref random)
                : Item(i, kind, ref random);
        })]);
    }

    private static TaskItem Item(int index, string kind, ref SplitMix random)
    {
        var prompt = new StringBuilder();
        for (int i = 0; i < Examples; i++)
        {
            (string question, string answer) = Ask(kind, ref random);
            prompt.Append(CultureInfo.InvariantCulture, $"Question: {question}\nAnswer: {answer}\n\n");
        }

        (string asked, string expected) = Ask(kind, ref random);
        return new TaskItem($"{kind}-{index + 1}", kind) { Prompt = $"{prompt}Question: {asked}\nAnswer:", Answers = [expected] };
    }

    private static (string Question, string Answer) Ask(string kind, ref SplitMix random)
    {
        switch (kind)
        {
            case "arithmetic":
                int a = random.Next(90) + 10;
                int b = random.Next(90) + 10;
                (string sign, int result) = random.Next(3) switch
                {
                    0 => ("+", a + b),
                    1 => ("-", a - b),
                    _ => ("*", (a %= 12) * (b %= 12)),
                };
                return ($"What is {a} {sign} {b}?", result.ToString(CultureInfo.InvariantCulture));
            case "copy":
                string words = string.Join(' ', Words(3 + random.Next(4), ref random));
                return ($"Repeat these words: {words}", words);
            case "sort":
                string[] unsorted = Words(3 + random.Next(3), ref random);
                return ($"Sort these words from a to z: {string.Join(' ', unsorted)}",
                    string.Join(' ', unsorted.Order(StringComparer.Ordinal)));
            default:
                string name = s_names[random.Next(s_names.Length)];
                string city = s_cities[random.Next(s_cities.Length)];
                int age = random.Next(60) + 18;
                (string field, string answer) = random.Next(3) switch
                {
                    0 => ("name", name),
                    1 => ("city", city),
                    _ => ("age", age.ToString(CultureInfo.InvariantCulture)),
                };
                return ($"What is the {field} in {{\"name\": \"{name}\", \"age\": {age}, \"city\": \"{city}\"}}?", answer);
        }
    }

    private static TaskItem Needle(int index, double depth, int haystack, ref SplitMix random)
    {
        string[] things = Words(3, ref random);
        string[] codes = [.. Enumerable.Range(0, 3).Select(_ => "")];
        for (int i = 0; i < codes.Length; i++) codes[i] = (random.Next(9000) + 1000).ToString(CultureInfo.InvariantCulture);
        // Two others with codes of their own: the answer isn't the only number there is.
        int[] places = [(int)(depth * haystack), random.Next(haystack), random.Next(haystack)];
        var text = new StringBuilder("Read the text and answer the question.\n\n");
        int words = 0;
        bool[] said = new bool[places.Length];
        while (words < haystack || said.Contains(false))
        {
            for (int i = 0; i < places.Length; i++)
            {
                if (said[i] || words < places[i]) continue;
                text.Append(CultureInfo.InvariantCulture, $"The secret number of the {things[i]} is {codes[i]}. ");
                said[i] = true;
            }

            string sentence = s_filler[random.Next(s_filler.Length)];
            text.Append(sentence).Append(' ');
            words += sentence.Count(c => c == ' ') + 1;
        }

        text.Append(CultureInfo.InvariantCulture, $"\n\nQuestion: What is the secret number of the {things[0]}?\nAnswer:");
        return new TaskItem(string.Create(CultureInfo.InvariantCulture, $"needle-{index + 1}@{depth * 100:0}%"), TaskSettings.Needle)
        {
            Prompt = text.ToString(),
            Answers = [codes[0]],
        };
    }

    // Distinct ones.
    private static string[] Words(int count, ref SplitMix random)
    {
        var left = s_words.ToList();
        string[] words = new string[count];
        for (int i = 0; i < count; i++)
        {
            int at = random.Next(left.Count);
            words[i] = left[at];
            left.RemoveAt(at);
        }

        return words;
    }
}
