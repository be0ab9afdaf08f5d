namespace QuantBench.Core.Errors;

/// <summary>Suggestions for misspelt names.</summary>
public static class DidYouMean
{
    private const int MostSuggestions = 3;
    private const int LongestName = 64;

    /// <summary>A hint that names what was probably meant, or else everything there is to choose from.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="known">Every name that would have been right.</param>
    /// <param name="noun">What the names are, in the plural, e.g. <c>workloads</c>.</param>
    public static string Hint(string name, IEnumerable<string> known, string noun)
    {
        ArgumentNullException.ThrowIfNull(known);
        string[] all = [.. known];
        string[] near = Nearest(name, all);
        return near.Length switch
        {
            0 when all.Length <= 24 => $"known {noun}: {string.Join(", ", all)}",
            0 => $"there are {all.Length} {noun}, e.g. {string.Join(", ", all.Take(12))}",
            1 => $"did you mean '{near[0]}'?",
            _ => $"did you mean one of {string.Join(", ", near.Select(n => $"'{n}'"))}?",
        };
    }

    /// <summary>The names within two fifths of their length in edits of what was written, nearest first; at most three. Case doesn't
    /// count.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="known">Every name that would have been right.</param>
    public static string[] Nearest(string name, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(known);
        if (name.Length is 0 or > LongestName) return [];
        (string Name, int Distance)[] scored =
        [
            .. known.Select(k => (Name: k, Distance: Distance(name.ToLowerInvariant(), k.ToLowerInvariant())))
                .Where(k => k.Distance <= Math.Max(1, Math.Min(name.Length, k.Name.Length) * 2 / 5))
                .OrderBy(k => k.Distance),
        ];
        // Names one edit further than the nearest are as likely meant only while they're few.
        return [.. scored.Where(k => k.Distance <= scored[0].Distance).Take(MostSuggestions).Select(k => k.Name)];
    }

    /// <summary>Levenshtein's edit distance: insertions, deletions and substitutions, each counting 1.</summary>
    /// <param name="a">A text.</param>
    /// <param name="b">Another.</param>
    public static int Distance(string a, string b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        int[] current = new int[b.Length + 1];
        for (int i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(substituted, Math.Min(previous[j], current[j - 1]) + 1);
            }

            (previous, current) = (current, previous);
        }

        return previous[b.Length];
    }
}
