using System.Globalization;
using System.Text;
using QuantBench.Core.Settings;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>When an answer ends, and when it is right.</summary>
/// <param name="settings">The cell's settings.</param>
internal sealed class TaskRule(CellSettings settings)
{
    private readonly bool _number = settings.Text("match") == "number";
    private readonly string _score = settings.Text("choice_score");

    /// <summary>Text that ends an answer; empty = none.</summary>
    public string Stop { get; } = settings.Text("stop");

    /// <summary>Most tokens of an answer.</summary>
    public int AnswerTokens { get; } = checked((int)settings.Int("answer_tokens"));

    /// <summary>Whether a server puts its chat template around prompts.</summary>
    public bool IsChat { get; } = settings.Text("prompting") == "chat";

    /// <summary>Id of how the items of a set are asked and judged; figures of other ids aren't compared.</summary>
    /// <param name="set">The set.</param>
    public string Protocol(TaskSet set)
    {
        string name = settings.Text("set");
        string asked = set.Items.Any(i => !i.IsChoice)
            ? $";answer_tokens={AnswerTokens};match={settings.Text("match")};stop={Escape(Stop)};prompting={settings.Text("prompting")}"
            : "";
        string scored = set.Items.Any(i => i.IsChoice) ? $";choice_score={_score}" : "";
        return $"task-v1;set={Path.GetFileNameWithoutExtension(name)};items={set.Items.Length};sha256={set.Sha256[..12]}{asked}{scored}";
    }

    /// <summary>Whether a text holds its end.</summary>
    /// <param name="text">What has been generated so far.</param>
    public bool HasEnded(string text) => Stop.Length > 0 && Started(text).Contains(Stop, StringComparison.Ordinal);

    /// <summary>The answer to an item.</summary>
    /// <param name="item">The item.</param>
    /// <param name="text">What was generated.</param>
    public TaskAnswer Judge(TaskItem item, string text)
    {
        string answer = Started(text);
        if (Stop.Length > 0 && answer.IndexOf(Stop, StringComparison.Ordinal) is var end and >= 0) answer = answer[..end];
        answer = answer.Trim();
        bool right = _number
            ? LastNumber(answer) is { } said && item.Answers.Any(a => LastNumber(a) == said)
            : item.Answers.Any(a => a.Trim() == answer);
        return new TaskAnswer(right, answer);
    }

    /// <summary>The answer to an item with choices: the first of those that score highest.</summary>
    /// <param name="item">The item.</param>
    /// <param name="logs">Log-probability of each choice's scored tokens, in nats.</param>
    /// <param name="tokens">Number of them.</param>
    public TaskAnswer Judge(TaskItem item, ReadOnlySpan<double> logs, ReadOnlySpan<int> tokens)
    {
        int best = 0;
        double most = double.NegativeInfinity;
        for (int i = 0; i < logs.Length; i++)
        {
            double score = _score switch
            {
                "sum" => logs[i],
                "bytes" => logs[i] / Math.Max(1, Encoding.UTF8.GetByteCount(item.Choices[i].Text)),
                _ => tokens[i] == 0 ? double.NegativeInfinity : logs[i] / tokens[i],
            };
            if (!(score > most)) continue;
            (best, most) = (i, score);
        }

        return new TaskAnswer(best == item.Gold, best.ToString(CultureInfo.InvariantCulture));
    }

    // A chat's answer may begin with an empty line, which ends nothing.
    private string Started(string text) => IsChat ? text.TrimStart() : text;

    private static string Escape(string text) =>
        text.Length == 0 ? "none" : text.Replace("\n", "\\n", StringComparison.Ordinal).Replace(';', ',');

    private static decimal? LastNumber(string text)
    {
        for (int end = text.Length; end > 0; end--)
        {
            if (!char.IsAsciiDigit(text[end - 1])) continue;
            int start = end - 1;
            while (start > 0 && (char.IsAsciiDigit(text[start - 1]) || (text[start - 1] is '.' or ',' && start > 1
                && char.IsAsciiDigit(text[start - 2])))) start--;
            if (start > 0 && text[start - 1] == '-' && (start == 1 || !char.IsAsciiLetterOrDigit(text[start - 2]))) start--;
            return decimal.TryParse(text[start..end].Replace(",", "", StringComparison.Ordinal),
                NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value)
                ? value : null;
        }

        return null;
    }
}
