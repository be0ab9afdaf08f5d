using System.Security.Claims;
using System.Text.RegularExpressions;
using QuantBench.Lab;
using QuantBench.Lab.Accounts;
using QuantBench.Lab.Queue;

namespace QuantBench.Dashboard.Accounts;

/// <summary>Where things lie on this server is its admins' business: others read names of files without their directories.</summary>
internal static partial class ServerPaths
{
    /// <summary>A text as a user may read it.</summary>
    /// <param name="user">Who reads it.</param>
    /// <param name="lab">Where things lie.</param>
    /// <param name="text">What is said; null stays null.</param>
    public static string? For(ClaimsPrincipal? user, LabOptions lab, string? text)
    {
        if (text is null || user?.IsInRole(Policies.Name(Role.Admin)) == true) return text;
        // Known ones first: their names may hold spaces and colons, which end a path that is only recognised.
        foreach ((string root, string word) in ((string, string)[])[(lab.SuitesDirectory, "the suites"), (lab.CacheRoot, "the cache"),
            (lab.ResultsRoot, "the results")])
        {
            string full = Path.GetFullPath(root).TrimEnd(Path.DirectorySeparatorChar);
            text = text.Replace(full + Path.DirectorySeparatorChar, "", StringComparison.Ordinal)
                .Replace(full, word, StringComparison.Ordinal);
        }

        return Absolute().Replace(text, "$1");
    }

    /// <summary>A queued run as a user may read it.</summary>
    /// <param name="user">Who reads it.</param>
    /// <param name="lab">Where things lie.</param>
    /// <param name="run">The run.</param>
    public static Occurrence For(ClaimsPrincipal? user, LabOptions lab, Occurrence run) =>
        run with { Suite = For(user, lab, run.Suite) ?? "", Message = For(user, lab, run.Message) };

    // One directory at least, so that a share (3/4), an engine's device (llamacpp/cpu) or an address here (/runs) stays.
    [GeneratedRegex("""(?<![\w.:/\\])(?:/|[A-Za-z]:\\)(?:[^\s/\\:'",;<>|]+[/\\])+([^\s/\\:'",;<>|]*)""", RegexOptions.CultureInvariant)]
    private static partial Regex Absolute();
}
