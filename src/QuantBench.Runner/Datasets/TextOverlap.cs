using System.Globalization;

namespace QuantBench.Runner.Datasets;

/// <summary>How much of an evaluation text stands in the text that a variant was calibrated on: its figures are then too good.</summary>
internal static class TextOverlap
{
    /// <summary>Words of a window: so many in the same order aren't written twice by chance.</summary>
    public const int WindowWords = 16;

    /// <summary>Share from which a cell is marked; less is what texts of one kind quote from each other.</summary>
    public const double Marked = 0.01;

    /// <summary>Share of a text's windows of words that stand in another, 0 to 1; spaces and line ends don't matter. 0 for texts shorter
    /// than a window.</summary>
    /// <param name="text">The text.</param>
    /// <param name="other">The other one.</param>
    public static double Share(string text, string other)
    {
        ulong[] windows = Windows(text);
        if (windows.Length == 0) return 0;
        var known = new HashSet<ulong>(Windows(other));
        return windows.Count(known.Contains) / (double)windows.Length;
    }

    /// <summary>The mark of a cell; null when it needs none.</summary>
    /// <param name="evaluated">The text that it is evaluated on.</param>
    /// <param name="calibrated">The text that its variant was calibrated on.</param>
    public static string? MarkOf(DatasetText evaluated, DatasetText calibrated)
    {
        double share = Share(evaluated.Text, calibrated.Text);
        return share < Marked ? null : string.Create(CultureInfo.InvariantCulture,
            $"calibrated on what it is evaluated on: {100 * share:0.#} % of {evaluated.Name} stands in {calibrated.Name}");
    }

    // A polynomial over the hashes of the last words; those of the window's first word are taken out again.
    private static ulong[] Windows(string text)
    {
        const ulong Factor = 0x9E3779B97F4A7C15;
        ulong last = 1;
        for (int i = 0; i < WindowWords; i++) last = unchecked(last * Factor);
        var words = new List<ulong>();
        ulong word = 0;
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                if (word != 0) words.Add(word);
                word = 0;
            }
            else
            {
                word = unchecked(((word == 0 ? 14695981039346656037 : word) ^ c) * 1099511628211);
            }
        }

        if (word != 0) words.Add(word);
        if (words.Count < WindowWords) return [];
        var windows = new ulong[words.Count - WindowWords + 1];
        ulong sum = 0;
        for (int i = 0; i < words.Count; i++)
        {
            sum = unchecked((sum * Factor) + words[i]);
            if (i >= WindowWords) sum = unchecked(sum - (words[i - WindowWords] * last));
            if (i >= WindowWords - 1) windows[i - WindowWords + 1] = sum;
        }

        return windows;
    }
}
