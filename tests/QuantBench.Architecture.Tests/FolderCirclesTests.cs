using System.Text.RegularExpressions;
using QuantBench.TestKit;

namespace QuantBench.Architecture.Tests;

/// <summary>Folders of a project use one another one way only.</summary>
public sealed class FolderCirclesTests
{
    public static TheoryData<string> Projects() =>
        [.. Directory.GetDirectories(Path.Combine(RepositoryRoot.Directory, "src")).Select(d => Path.GetFileName(d)).Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_DontUseWhatUsesThem(string project)
    {
        (string, string)[] files = [.. Sources.Of(Path.Combine("src", project), ".cs", ".razor").Select(f => (f.Relative, f.Text))];

        IEnumerable<string> circles = new FolderGraph(project, files).Circles();

        Assert.True(!circles.Any(), string.Join('\n', circles));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Namespaces_AreFolders(string project)
    {
        IEnumerable<string> wrong = Sources.Of(Path.Combine("src", project), ".cs")
            .Select(f => (f.Relative, Is: Regex.Match(f.Text, @"^namespace ([\w.]+)", RegexOptions.Multiline).Groups[1].Value,
                Should: string.Join('.', [project, .. f.Relative.Split('/')[..^1]])))
            .Where(f => f.Is.Length > 0 && f.Is != f.Should)
            .Select(f => $"{f.Relative}: {f.Is}, not {f.Should}");

        Assert.True(!wrong.Any(), string.Join('\n', wrong));
    }

    [Theory]
    [InlineData("using P.A;\nnamespace P.B; class Two;")]
    [InlineData("using static P.A.One;\nnamespace P.B; class Two;")]
    [InlineData("using Other = P.A.One;\nnamespace P.B; class Two;")]
    [InlineData("namespace P.B; class Two { A.One _one; }")]
    [InlineData("namespace P.B; class Two { string _text = $\"{A.One.Text}\"; }")]
    public void Circles_FindsAUse(string two)
    {
        var graph = new FolderGraph("P", [("A/One.cs", "using P.B;\nnamespace P.A; class One;"), ("B/Two.cs", two)]);

        Assert.Equal(["P: A -> B (A/One.cs)", "P: B -> A (B/Two.cs)"], graph.Circles());
    }

    [Theory]
    [InlineData("One.cs", "using P.B;\nnamespace P; class One;", "B/Two.cs", "namespace P.B; class Two { One _one; }")]
    [InlineData("One.razor", "@using P.B", "B/Two.razor", "<p><One /></p>")]
    public void Circles_FindsAUseOfTheRoot(string path, string one, string otherPath, string two)
    {
        var graph = new FolderGraph("P", [(path, one), (otherPath, two)]);

        Assert.Equal([$"P: . -> B ({path})", $"P: B -> . ({otherPath})"], graph.Circles());
    }

    [Fact]
    public void Circles_LetsAFolderListItsSubfolders()
    {
        var graph = new FolderGraph("P",
            [("A/One.cs", "using P.A.B;\nnamespace P.A; class One;"), ("A/B/Two.cs", "namespace P.A.B; class Two { One _one; }")]);

        Assert.Empty(graph.Circles());
    }

    [Fact]
    public void Circles_FindsOneThroughOthers()
    {
        var graph = new FolderGraph("P",
        [
            ("A/One.cs", "using P.B;\nnamespace P.A; class One;"),
            ("B/Two.cs", "using P.C;\nnamespace P.B; class Two;"),
            ("C/Three.cs", "using P.A;\nnamespace P.C; class Three;"),
        ]);

        Assert.Equal(3, graph.Circles().Count());
    }

    [Theory]
    [InlineData("namespace P.B; class Two { /* A.One */ } // using P.A;")]
    [InlineData("namespace P.B; class Two { string _text = \"A.One\"; }")]
    [InlineData("namespace P.B; class Two { int One => 1; }")] // a member of the name
    public void Circles_LeavesOutWhatIsNoUse(string two)
    {
        var graph = new FolderGraph("P", [("A/One.cs", "using P.B;\nnamespace P.A; class One;"), ("B/Two.cs", two)]);

        Assert.Empty(graph.Circles());
    }
}
