using System.Globalization;
using QuantBench.Core.Metrics;
using QuantBench.Core.Statistics;
using QuantBench.Inference.Tasks;

namespace QuantBench.Inference.Evaluators;

/// <summary>The figures of a task: accuracy of the variant, and how it differs from the reference's, item by item.</summary>
/// <param name="set">The items.</param>
/// <param name="answers">The variant's answers.</param>
/// <param name="protocol">How they were asked and judged.</param>
internal sealed class TaskFigures(TaskSet set, TaskAnswer[] answers, string protocol)
{
    /// <summary>All figures.</summary>
    /// <param name="reference">The reference's answers; null when the cell has none.</param>
    public IEnumerable<Measurement> Measurements(TaskReference? reference)
    {
        int right = answers.Count(a => a.Right);
        yield return Share("task_accuracy", right) with { Samples = [.. answers.Select(a => a.Right ? 1.0 : 0.0)] };
        if (reference is null) yield break;
        string against = $"{protocol};reference={reference.Variant}";
        int both = Count((a, r) => a.Right && r.Right);
        int lost = Count((a, r) => !a.Right && r.Right);
        int gained = Count((a, r) => a.Right && !r.Right);
        if (both + lost > 0)
        {
            yield return Measurement.Of("task_recovery", (double)right / (both + lost), n: answers.Length) with
            {
                Ci95 = Proportion.PairedRatio(both, lost, gained) is { } ends ? [ends.Low, ends.High] : null,
                Protocol = against,
            };
        }

        yield return Share("task_flips", lost + gained) with { Protocol = against };
        yield return Share("task_lost", lost) with { Protocol = against };
        yield return Share("task_gained", gained) with { Protocol = against };
        yield return Measurement.Of("task_flip_p", Proportion.McNemar(lost, gained), n: lost + gained) with { Protocol = against };
        yield return Share("task_same_answer", Count((a, r) => a.Text == r.Text)) with { Protocol = against };

        int Count(Func<TaskAnswer, TaskAnswer, bool> counts) => answers.Zip(reference.Answers, counts).Count(yes => yes);
    }

    /// <summary>Accuracy of each kind of item where there are several, as conditions of the cell.</summary>
    public IEnumerable<(string Key, double Value)> Kinds() =>
        set.Items.Select(i => i.Kind).Distinct().Skip(1).Any()
            ? set.Items.Zip(answers).GroupBy(p => p.First.Kind, StringComparer.Ordinal)
                .Select(g => ($"accuracy_{g.Key}", g.Average(p => p.Second.Right ? 1.0 : 0.0))) : [];

    /// <summary>Marks on the cell.</summary>
    /// <param name="reference">The reference's answers; null when the cell has none.</param>
    public IEnumerable<string> Notes(TaskReference? reference)
    {
        if (set.Items.All(i => i.IsChoice))
        {
            double chance = set.Items.Average(i => 1.0 / i.Choices.Length);
            yield return string.Create(CultureInfo.InvariantCulture, $"guessing among the choices gives {chance * 100:0.#} %");
        }

        if (reference is not null && !reference.Answers.Any(a => a.Right))
        {
            yield return $"the reference {reference.Variant} has no item right, so there is no recovery; the same answers still say how "
                + "often the variant does otherwise";
        }
    }

    private Measurement Share(string metric, int count)
    {
        Interval ends = Proportion.Wilson(count, answers.Length)!.Value; // a set has items
        double error = PairedStatistics.Share(count, answers.Length).Error;
        Measurement share = Measurement.Of(metric, (double)count / answers.Length, error, answers.Length);
        return share with { Ci95 = [ends.Low, ends.High], Protocol = protocol };
    }
}
