using System.Collections.Immutable;
using System.Globalization;
using QuantBench.Core.Errors;
using QuantBench.Core.Machine;
using QuantBench.Core.Yaml;

namespace QuantBench.Core.Suites;

/// <summary>Reads a suite's <c>placement</c>.</summary>
internal static class PlacementReader
{
    /// <summary>Its keys with what they hold.</summary>
    public static readonly ImmutableArray<(string Key, string Description)> Keys =
    [
        ("machines", "names of machines, each of which makes a run of its own; absent = every living machine with the labels"),
        ("labels", "what a machine must have, e.g. arch=x64, isa=avx512, memory>=16GiB, gpu"),
        ("any", "one machine is enough: the first that is free"),
        ("priority", "higher goes first on a machine; -100 to 100"),
        ("lost_after", "how long a machine may be silent behind the end of its lease before its run counts as lost, e.g. 10m"),
        ("replace", "whether another machine with the labels takes a lost run over"),
        ("reconcile", "which run counts when the first machine comes back all the same"),
    ];

    /// <summary>Words of <see cref="Reconcile"/>, in its order.</summary>
    public static readonly string[] ReconcileWords = ["keep_replacement", "keep_original", "keep_both"];

    private const int MostItems = 200;
    private const int LongestName = 64;
    private const int MostPriority = 100;

    public static SuitePlacement Read(SuiteMap map)
    {
        var placement = new SuitePlacement();
        foreach ((SuiteScalar key, SuiteNode value) in map.Entries)
        {
            placement = key.Value switch
            {
                "machines" => placement with { Machines = Texts(value, "machines", "a machine", MachineProblem) },
                "labels" => placement with { Labels = Texts(value, "labels", "a label", MachineLabels.RuleProblem) },
                "any" => placement with { Any = Value.Flag(value, "any") },
                "priority" => placement with { Priority = Priority(value) },
                "lost_after" => placement with { LostAfter = Value.Duration(value, "lost_after") },
                "replace" => placement with { Replace = Value.Flag(value, "replace") },
                "reconcile" => placement with { Reconcile = ReadReconcile(value) },
                _ => throw Value.UnknownKey(key, Keys.Select(k => k.Key), "keys of a placement"),
            };
        }

        if (placement.Any && placement.Machines.Length > 0)
            throw map.Error("'any' and 'machines' don't go together", "with 'machines' each of them makes a run");
        return placement;
    }

    private static ImmutableArray<string> Texts(SuiteNode value, string what, string one, Func<string, string?> problem)
    {
        var texts = ImmutableArray.CreateBuilder<string>();
        foreach (SuiteNode item in Value.Items(value, what, MostItems))
        {
            string text = Value.Text(item, one, MachineLabels.Longest);
            if (problem(text) is { } why) throw item.Error(why);
            if (texts.Contains(text)) throw item.Error($"{one} '{text}' is listed twice", "remove one of them");
            texts.Add(text);
        }

        return texts.ToImmutable();
    }

    private static string? MachineProblem(string name) =>
        name.Length <= LongestName && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? null
            : $"'{name}' can't be a machine's name: it has letters, digits, '-', '_' and '.', at most {LongestName}";

    private static int Priority(SuiteNode value) =>
        int.TryParse(Value.Text(value, "priority", LongestName), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
            out int number) && Math.Abs(number) <= MostPriority
            ? number : throw value.Error($"'priority' must be a whole number from -{MostPriority} to {MostPriority}");

    private static Reconcile ReadReconcile(SuiteNode value)
    {
        string word = Value.Text(value, "reconcile", LongestName);
        int at = Array.IndexOf(ReconcileWords, word);
        return at >= 0 ? (Reconcile)at
            : throw value.Error($"'reconcile' can't be '{word}'", DidYouMean.Hint(word, ReconcileWords, "choices"));
    }
}
