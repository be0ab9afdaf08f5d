using System.Text.RegularExpressions;

namespace QuantBench.Core.Variants;

/// <summary>
/// What servers call their models, as schemes of the format <c>served</c>: <c>served:llama3.2:1b-instruct-q4_K_M</c>. Their bits are what
/// the name says, as far as it says any; a name that says none counts as 16 bits, what a model is published in.
/// </summary>
internal static partial class ServedScheme
{
    /// <summary>Format of these schemes.</summary>
    public const string Format = "served";

    private const int LongestName = 200;
    private const int Unsaid = 16;

    /// <summary>The scheme of a name; null when the format is another or the name has other characters than letters, digits and
    /// <c>. _ - : / +</c>.</summary>
    /// <param name="format">Format id.</param>
    /// <param name="name">What the server calls the model.</param>
    public static QuantScheme? Of(string format, string name) =>
        format == Format && name.Length is > 0 and <= LongestName
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ':' or '/' or '+')
            ? new QuantScheme(Format, name, BitsOf(name), false, -1, "a model of a server, by the server's name for it") : null;

    private static int BitsOf(string name)
    {
        // The last one said: a tag follows the model's name.
        if (Said().Matches(name) is not [.., { } last]) return Unsaid;
        foreach (string group in (string[])["bits", "plain"])
        {
            if (last.Groups[group] is { Success: true } digits) return int.Parse(digits.ValueSpan);
        }

        return 4; // awq, gptq
    }

    // q4_K_M, iq2_xs, tq1_0, mxfp4; fp16, bf16, f32, int8, fp8; 4bit; w4a16; awq, gptq
    [GeneratedRegex(@"(?<![A-Za-z0-9])(?:(?:iq|tq|q|mxfp|nvfp|w)(?<bits>[1-8])(?:_[A-Za-z0-9]+|a\d+)*|(?:bf|fp|f|int)(?<plain>32|16|8|4)"
        + @"|(?<bits>[1-8])-?bit|awq|gptq)(?![A-Za-z0-9])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Said();
}
