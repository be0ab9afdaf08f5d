namespace QuantBench.Core.Machine;

/// <summary>Reads the commit of a checkout from its files; git needn't be installed.</summary>
internal static class GitCheckout
{
    /// <summary>The commit's hash, or null outside a checkout.</summary>
    /// <param name="directory">A directory in the checkout.</param>
    public static string? Commit(string directory)
    {
        for (DirectoryInfo? at = new(directory); at is not null; at = at.Parent)
        {
            var files = new MachineFiles(at.FullName);
            if (!files.Exists(".git")) continue;
            // A worktree's .git is a file that names the real directory, which in turn names the common one.
            string git = Path.Combine(at.FullName, ".git");
            if (files.Line(".git") is { } line && line.StartsWith("gitdir: ", StringComparison.Ordinal))
                git = Path.Combine(at.FullName, line["gitdir: ".Length..]);
            var own = new MachineFiles(git);
            if (own.Line("HEAD") is not { } head) return null;
            if (!head.StartsWith("ref: ", StringComparison.Ordinal)) return Hash(head);
            string name = head["ref: ".Length..];
            if (name.Split('/').Contains("..") || name.StartsWith('/')) return null;
            var common = new MachineFiles(own.Line("commondir") is { } shared ? Path.Combine(git, shared) : git);
            return Hash(own.Line(name)) ?? Hash(common.Line(name)) ?? Packed(common.Text("packed-refs"), name);
        }

        return null;
    }

    private static string? Packed(string? refs, string name) =>
        refs?.Split('\n').Select(l => l.TrimEnd().Split(' ')).Where(p => p.Length == 2 && p[1] == name).Select(p => Hash(p[0]))
            .FirstOrDefault();

    // SHA-1 or SHA-256 repositories.
    private static string? Hash(string? text) => text is { Length: 40 or 64 } && text.All(char.IsAsciiHexDigitLower) ? text : null;
}
