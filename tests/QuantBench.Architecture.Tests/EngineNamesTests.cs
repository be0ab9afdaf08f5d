using System.Text.RegularExpressions;

namespace QuantBench.Architecture.Tests;

/// <summary>
/// An engine is its folder and one line in the composition root: no other source has its name in a string, be it a backend's id in a hint,
/// a key, or a comparison. The names are read from the engines' folders.
/// </summary>
public sealed partial class EngineNamesTests
{
    private static readonly string s_source = Path.Combine(FindRoot(), "src");

    [Fact]
    public void Names_StandInStringsOfTheirOwnFolderOnly()
    {
        Dictionary<string, string> engines = Names();
        List<string> found = [];
        foreach (string file in Directory.EnumerateFiles(s_source, "*.*", SearchOption.AllDirectories).Where(IsSource))
        {
            string relative = Path.GetRelativePath(s_source, file).Replace('\\', '/');
            string[] others = [.. engines.Where(e => !relative.StartsWith(e.Value + "/", StringComparison.Ordinal)).Select(e => e.Key)];
            foreach ((int line, string text) in Strings(File.ReadAllText(file)))
            {
                // "name", "name/device", "name:library"; the word within a sentence is prose.
                if (others.Any(name => text == name || Regex.IsMatch(text, $@"(?<![\w.-]){name}[/:](?!/)")))
                    found.Add($"{relative}:{line}: \"{text}\"");
            }
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Fact]
    public void Names_AreReadFromEveryEnginesFolder() =>
        Assert.Equal(["ilgpu", "llamacpp", "llamasharp", "managed", "onnxruntime", "remote"], Names().Keys.Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("""var a = "llamacpp/cpu";""", "llamacpp/cpu")]
    [InlineData("""// "comment" """, null)]
    [InlineData("""/// <c>"managed"</c>""", null)]
    [InlineData("var b = $\"a {x} ilgpu/cuda:0\";", "a {x} ilgpu/cuda:0")]
    [InlineData("char q = '\"'; var c = \"managed\";", "managed")]
    public void Strings_AreFoundInCodeOnly(string code, string? expected) =>
        Assert.Equal(expected is null ? [] : [expected], Strings(code).Select(s => s.Text));

    private static Dictionary<string, string> Names()
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string folder in Directory.GetDirectories(s_source, "QuantBench.Engines.*"))
        {
            string[] found =
            [
                .. Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(IsSource)
                    .SelectMany(f => NameConstant().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value)),
            ];
            names.Add(Assert.Single(found), Path.GetFileName(folder));
        }

        return names;
    }

    private static bool IsSource(string file) =>
        (file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith(".razor", StringComparison.Ordinal))
        && !Regex.IsMatch(file, @"[\\/](obj|bin|node_modules)[\\/]");

    /// <summary>String literals with their lines; comments are left out.</summary>
    private static IEnumerable<(int Line, string Text)> Strings(string code)
    {
        int line = 1;
        int at = 0;
        foreach (Match match in Token().Matches(code))
        {
            line += code.AsSpan(at, match.Index - at).Count('\n');
            at = match.Index;
            if (match.Groups["raw"].Success) yield return (line, match.Groups["raw"].Value);
            else if (match.Groups["text"].Success) yield return (line, match.Groups["text"].Value);
        }
    }

    [GeneratedRegex("""const string EngineName = "([a-z]+)";""")]
    private static partial Regex NameConstant();

    // Comments, characters and strings, whichever starts first.
    [GeneratedRegex(""""""
        //[^\n]*|/\*.*?\*/|'(\\.|[^'\\\n])'|"""+(?<raw>.*?)"""+|@"(?<text>([^"]|"")*)"|"(?<text>(\\.|[^"\\\n])*)"
        """""", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Token();

    private static string FindRoot()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "QuantBench.sln"))) at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("QuantBench.sln is in no parent directory");
    }
}
