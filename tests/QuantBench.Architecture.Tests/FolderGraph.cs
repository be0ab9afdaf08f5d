using System.Text;
using System.Text.RegularExpressions;

namespace QuantBench.Architecture.Tests;

/// <summary>
/// Which folders of a project use which, read from its sources. A file uses a folder whose namespace it opens by <c>using</c> (the compiler
/// refuses one that isn't needed), whose types it names with the folder before the dot, or, since the namespaces around a file are open to
/// it, whose types it names when the folder holds the file's own. Razor files open every namespace, so there every type's name counts, and
/// a component's only as a tag. The project's root is a folder like the others.
/// </summary>
internal sealed partial class FolderGraph
{
    private const string Root = ".";

    private readonly string _project;
    private readonly Dictionary<string, string?> _types = new(StringComparer.Ordinal); // null = declared in several folders
    private readonly HashSet<string> _components = new(StringComparer.Ordinal);
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<(string From, string To), string> _edges = [];

    /// <summary>Reads a project.</summary>
    /// <param name="project">Its name, which is its root namespace.</param>
    /// <param name="files">Path of each file in the project, with slashes, and its text.</param>
    public FolderGraph(string project, IReadOnlyCollection<(string Path, string Text)> files)
    {
        _project = project;
        (string Path, string Folder, string Code)[] sources = [.. files.Select(f => (f.Path, FolderOf(f.Path), CodeOf(f.Path, f.Text)))];
        foreach ((string path, string folder, string code) in sources) Declare(path, folder, code);
        foreach ((string path, string folder, string code) in sources)
        {
            // A folder may list what lies in its own sub-folders; they build on it.
            foreach (string to in Used(path, folder, code).Where(to => to != folder && !IsWithin(to, folder)))
                _edges.TryAdd((folder, to), path);
        }
    }

    /// <summary>Every use of a folder by one that it uses itself, directly or through others.</summary>
    public IEnumerable<string> Circles() =>
        _edges.Where(e => Reaches(e.Key.To, e.Key.From)).Select(e => $"{_project}: {e.Key.From} -> {e.Key.To} ({e.Value})").Order();

    private bool Reaches(string from, string to)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { from };
        var open = new Stack<string>(seen);
        while (open.TryPop(out string? at))
        {
            if (at == to) return true;
            foreach ((string _, string next) in _edges.Keys.Where(k => k.From == at && seen.Add(k.To))) open.Push(next);
        }

        return false;
    }

    private void Declare(string path, string folder, string code)
    {
        _folders.Add(folder);
        bool isComponent = path.EndsWith(".razor", StringComparison.Ordinal);
        string[] names = isComponent ? [Path.GetFileNameWithoutExtension(path)]
            : path.EndsWith(".razor.cs", StringComparison.Ordinal) ? []
            : [.. Declaration().Matches(TopLevel(code)).Select(m => m.Groups["name"].Value)];
        foreach (string name in names)
        {
            if (isComponent) _components.Add(name);
            if (!_types.TryAdd(name, folder) && _types[name] != folder) _types[name] = null;
        }
    }

    private IEnumerable<string> Used(string path, string folder, string code)
    {
        bool isRazor = path.EndsWith(".razor", StringComparison.Ordinal);
        foreach (Match match in Using().Matches(code))
        {
            string opened = match.Groups["name"].Value;
            // 'using static' and aliases name a type in a folder.
            if (FolderOfNamespace(opened) is { } found) yield return found;
            else if (FolderOfNamespace(opened[..Math.Max(0, opened.LastIndexOf('.'))]) is { } holder) yield return holder;
        }

        foreach (Match match in Name().Matches(Using().Replace(code, "")))
        {
            string name = match.Groups["name"].Value;
            if (!_types.TryGetValue(name, out string? home) || home is null) continue;
            bool isTag = match.Groups["tag"].Success;
            string before = match.Groups["before"].Value;
            bool isUse = _components.Contains(name) ? isRazor && isTag
                : isRazor || home == Root || IsWithin(folder, home) || LastOf(home) == before;
            if (isUse) yield return home;
        }
    }

    private string? FolderOfNamespace(string name) =>
        name == _project ? Root
            : name.StartsWith(_project + ".", StringComparison.Ordinal) && name[(_project.Length + 1)..].Replace('.', '/') is var folder
                && _folders.Contains(folder) ? folder : null;

    private static bool IsWithin(string folder, string outer) => folder.StartsWith(outer + "/", StringComparison.Ordinal);

    private static string LastOf(string folder) => folder[(folder.LastIndexOf('/') + 1)..];

    private static string FolderOf(string path) => path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : Root;

    // Texts and comments aren't code; what stands in the holes of an interpolated text is.
    private static string CodeOf(string path, string text) => path.EndsWith(".razor", StringComparison.Ordinal) ? text
        : NotCode().Replace(text, m => m.Value.StartsWith('$') || m.Value.StartsWith("@$", StringComparison.Ordinal)
            ? string.Join(' ', Hole().Matches(m.Value).Select(h => h.Value)) : " ");

    private static string TopLevel(string code)
    {
        int depth = 0;
        var kept = new StringBuilder();
        foreach (char c in code)
        {
            if (c == '{') depth++;
            if (depth == 0) kept.Append(c);
            if (c == '}') depth--;
        }

        return kept.ToString();
    }

    [GeneratedRegex("""//[^\n]*|/\*[\s\S]*?\*/|\$*\"{3,}[\s\S]*?\"{3,}|\$?@\$?"(?:[^"]|"")*"|\$?"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""")]
    private static partial Regex NotCode();

    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Hole();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?|delegate\s+[\w<>\[\],.? ]+?)\s+(?<name>[A-Z]\w*)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^\s*(?:global\s+)?@?using\s+(?:static\s+|\w+\s*=\s*)?(?<name>[A-Z][\w.]*)\s*;?\s*$", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"(?<=(?<tag><)|\b(?<before>[A-Z]\w*)\.|)\b(?<name>[A-Z]\w*)")]
    private static partial Regex Name();
}
