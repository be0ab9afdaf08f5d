using System.Text.RegularExpressions;
using System.Xml.Linq;
using QuantBench.TestKit;

namespace QuantBench.Architecture.Tests;

/// <summary>What the pages for people name is there.</summary>
public sealed class DocsTests
{
    private const int MostReadmeBytes = 10_000;

    private static readonly string[] s_beside =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "THIRD-PARTY-NOTICES.md", "results/README.md", "datasets/README.md"];

    private static IEnumerable<string> Pages =>
        Directory.EnumerateFiles(RepositoryRoot.Combine("docs"), "*.md", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(RepositoryRoot.Directory, f).Replace('\\', '/'))
            .Concat(s_beside);

    [Fact]
    public void Readme_IsShort() => Assert.InRange(new FileInfo(RepositoryRoot.Combine("README.md")).Length, 1, MostReadmeBytes);

    [Fact]
    public void Links_LeadToFilesAndHeadings()
    {
        var broken = new List<string>();
        foreach (string page in Pages)
        {
            string folder = Path.GetDirectoryName(RepositoryRoot.Combine(page))!; // every page lies in a folder
            foreach (string link in Links(page))
            {
                string[] parts = link.Split('#', 2);
                string target = parts[0].Length == 0 ? RepositoryRoot.Combine(page) : Path.Combine(folder, parts[0]);
                if (!Path.Exists(target) || (parts.Length == 2 && !Anchors(target).Contains(parts[1]))) broken.Add($"{page}: {link}");
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void EveryPage_IsReachedFromTheReadme()
    {
        HashSet<string> reached = ["README.md"];
        var open = new Queue<string>(reached);
        while (open.TryDequeue(out string? page))
        {
            foreach (string link in Links(page).Select(l => l.Split('#')[0]).Where(l => l.EndsWith(".md", StringComparison.Ordinal)))
            {
                string folder = Path.GetDirectoryName(RepositoryRoot.Combine(page))!; // as above
                string target = Path.GetRelativePath(RepositoryRoot.Directory, Path.GetFullPath(link, folder)).Replace('\\', '/');
                if (File.Exists(RepositoryRoot.Combine(target)) && reached.Add(target)) open.Enqueue(target);
            }
        }

        Assert.Empty(Pages.Where(p => p.StartsWith("docs/", StringComparison.Ordinal)).Except(reached));
    }

    [Theory]
    [InlineData("docs/extending.md", 40)]
    [InlineData("docs/architecture.md", 20)]
    public void PathsInTables_Exist(string page, int least)
    {
        string[] paths =
        [
            .. File.ReadLines(RepositoryRoot.Combine(page)).Where(l => l.StartsWith('|'))
                .SelectMany(l => Regex.Matches(l, "`([^`]*/[^`]*)`").Select(m => m.Groups[1].Value)),
        ];

        Assert.True(paths.Length >= least, $"{page} names only {paths.Length} paths");
        string[] missing = [.. paths.Where(p => !Path.Exists(RepositoryRoot.Combine(p)))];
        Assert.True(missing.Length == 0, $"{page}: {string.Join(", ", missing)}");
    }

    [Fact]
    public void Notices_NameEveryPackageAndItsVersion()
    {
        string[] rows = File.ReadAllLines(RepositoryRoot.Combine("THIRD-PARTY-NOTICES.md"));
        IEnumerable<string> missing = XDocument.Load(RepositoryRoot.Combine("Directory.Packages.props")).Descendants("PackageVersion")
            .Select(p => (Name: (string?)p.Attribute("Include") ?? "", Version: (string?)p.Attribute("Version") ?? ""))
            .Where(p => !rows.Any(r => Regex.IsMatch(r, $@"(?<![\w.]){Regex.Escape(p.Name)}(?![\w.]).*\| {Regex.Escape(p.Version)} \|")))
            .Select(p => $"{p.Name} {p.Version}");

        Assert.Empty(missing);
    }

    private static IEnumerable<string> Links(string page) =>
        Regex.Matches(File.ReadAllText(RepositoryRoot.Combine(page)), @"\]\((?!https?:)([^)\s]+)\)").Select(m => m.Groups[1].Value);

    // As the sites that show Markdown name headings: lower case, words joined by dashes, other signs left out.
    private static HashSet<string> Anchors(string file) =>
        [.. File.ReadLines(file).Where(l => Regex.IsMatch(l, "^#+ ")).Select(l =>
            Regex.Replace(l.TrimStart('#').Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-'))];
}
