using System.Text.RegularExpressions;

namespace QuantBench.Results.Folders;

/// <summary>Names of files that users or runs choose: nothing in them leads out of a folder or hides a file.</summary>
public static partial class PlainName
{
    /// <summary>Whether a text is such a name: letters, digits, <c>-</c>, <c>_</c> and single dots inside, at most 128
    /// characters.</summary>
    public static bool IsValid(string? name) => name is not null && Valid().IsMatch(name);

    [GeneratedRegex(@"^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9_-])){0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Valid();
}
