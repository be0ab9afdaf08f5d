using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace QuantBench.Architecture.Tests;

/// <summary>Rules of the house that the compiler can't see.</summary>
public sealed class HouseRulesTests
{
    private static readonly string s_root = FindRoot();

    /// <summary>Which project may reference which; there are no other arrows.</summary>
    private static readonly Dictionary<string, string[]> s_arrows = new()
    {
        ["QuantBench.Core"] = [],
        ["QuantBench.Formats"] = ["QuantBench.Core"],
        ["QuantBench.Models"] = ["QuantBench.Core", "QuantBench.Formats"],
        ["QuantBench.Inference"] = ["QuantBench.Core", "QuantBench.Formats", "QuantBench.Models"],
        ["QuantBench.Engines.LlamaCpp"] = ["QuantBench.Inference"],
        ["QuantBench.Engines.LLamaSharp"] = ["QuantBench.Engines.LlamaCpp"],
        ["QuantBench.Engines.Managed"] = ["QuantBench.Inference"],
        ["QuantBench.Engines.OnnxRuntime"] = ["QuantBench.Inference"],
        ["QuantBench.Engines.Ilgpu"] = ["QuantBench.Inference"],
        ["QuantBench.Engines.Remote"] = ["QuantBench.Inference"],
        ["QuantBench.Results"] = ["QuantBench.Core"],
        ["QuantBench.Analysis"] = ["QuantBench.Core", "QuantBench.Results"],
        ["QuantBench.Runner"] =
            ["QuantBench.Core", "QuantBench.Formats", "QuantBench.Models", "QuantBench.Inference", "QuantBench.Results"],
        ["QuantBench.Microbenchmarks"] = ["*"],
        ["QuantBench.Lab"] = ["QuantBench.Runner", "QuantBench.Results"],
        ["QuantBench.Dashboard"] = ["QuantBench.Core", "QuantBench.Results", "QuantBench.Analysis", "QuantBench.Lab"],
        ["QuantBench.Cli"] = ["*"],
    };

    [Fact]
    public void Projects_ReferenceOnlyWhatTheDesignAllows()
    {
        var wrong = new List<string>();
        foreach (string project in Directory.GetFiles(Path.Combine(s_root, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            string name = Path.GetFileNameWithoutExtension(project);
            Assert.True(s_arrows.ContainsKey(name), $"{name} has no line in the table of allowed references");
            foreach (XElement reference in XDocument.Load(project).Descendants("ProjectReference"))
            {
                string target = Path.GetFileNameWithoutExtension(((string?)reference.Attribute("Include") ?? "").Replace('\\', '/'));
                if (!s_arrows[name].Contains("*") && !s_arrows[name].Contains(target)) wrong.Add($"{name} -> {target}");
            }
        }

        Assert.Empty(wrong);
    }

    [Theory]
    // results and errors are printed by the command alone; the worker's protocol is its own
    [InlineData(@"\bConsole\s*\.", "QuantBench.Cli/")]
    [InlineData(@"\bDateTime(Offset)?\.(Utc)?Now\b", "")] // a TimeProvider is handed in, so that tests own the clock
    [InlineData(@"\bStopwatch\.", "")]
    [InlineData(@"\bThread\.Sleep\(", "")]
    [InlineData(@"\.Wait\(\)|\.GetAwaiter\(\)\.GetResult\(\)", "")]
    [InlineData(@"\bNotImplementedException\b", "")]
    [InlineData(@"#region\b", "")]
    [InlineData(@"\bUnauthorizedAccessException\b", "QuantBench.Core/Errors/DiskFault.cs")] // which faults are the disk's is said once
    public void Sources_DontUse(string pattern, string allowedUnder)
    {
        List<string> found = [];
        foreach (string file in Sources())
        {
            string relative = Path.GetRelativePath(Path.Combine(s_root, "src"), file).Replace('\\', '/');
            if (allowedUnder.Length > 0 && relative.StartsWith(allowedUnder, StringComparison.Ordinal)) continue;
            int number = 0;
            foreach (string line in File.ReadLines(file))
            {
                number++;
                string code = line.TrimStart();
                if (!code.StartsWith("//", StringComparison.Ordinal) && Regex.IsMatch(code, pattern))
                    found.Add($"{relative}:{number}: {code}");
            }
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    [Fact]
    public void Engines_AreNamedOnlyInTheirFolderAndTheRegistry()
    {
        IEnumerable<string> found = Sources()
            .Where(f => !f.Contains("QuantBench.Engines.", StringComparison.Ordinal) && !f.EndsWith("Engines.cs", StringComparison.Ordinal))
            .Where(f => File.ReadAllText(f).Contains("QuantBench.Engines.", StringComparison.Ordinal));

        Assert.Empty(found);
    }

    [Fact]
    public void TopLevel_HoldsOnlyWhatTheDesignNames()
    {
        string[] allowed =
        [
            "src", "tests", "suites", "datasets", "results", "docs", "findings", "QuantBench.sln", "run-bench.sh", "README.md",
            "CONTRIBUTING.md", "CHANGELOG.md", "THIRD-PARTY-NOTICES.md", "LICENSE", "Directory.Build.props", "Directory.Packages.props",
            "global.json", "run-bench.ps1", "deploy",
        ];

        IEnumerable<string> others = Directory.GetFileSystemEntries(s_root)
            .Select(p => Path.GetFileName(p))
            .Where(n => !n.StartsWith('.') && !allowed.Contains(n));

        Assert.Empty(others);
    }

    private static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.Combine(s_root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !Regex.IsMatch(f, @"[\\/](obj|bin|node_modules)[\\/]"));

    private static string FindRoot()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "QuantBench.sln"))) at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("QuantBench.sln is in no parent directory");
    }
}
