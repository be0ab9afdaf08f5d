using System.Text.RegularExpressions;
using QuantBench.Core.Metrics;
using QuantBench.Core.Workloads;
using QuantBench.TestKit;

namespace QuantBench.Architecture.Tests;

/// <summary>Metrics and workloads are named in strings by their tables and by the evaluators that measure them; all else takes what it
/// needs to know from their records.</summary>
public sealed class WordsTests
{
    private static readonly string s_sources = RepositoryRoot.Combine("src");

    /// <summary>Where a name may stand in a string, or a word that only looks like one.</summary>
    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["PerplexityPlot.cs"] = "id of a figure",
        ["ServeCommand.cs"] = "the command that starts the dashboard",
        ["LatencyPlot.cs"] = "id of a figure",
        ["RunPlots.cs"] = "ids of figures",
        ["Comparability.cs"] = "the operating system's kernel",
        ["FingerprintQueries.cs"] = "the operating system's kernel",
        ["CellDrawerQuery.cs"] = "the operating system's kernel",
    };

    [Fact]
    public void Names_StandInStringsOfTheTablesAndEvaluatorsAlone()
    {
        string[] names =
            [.. MetricTable.All.Select(m => m.Name), DecisionMetrics.PerplexityRise.Name, .. WorkloadTable.All.Select(w => w.Name)];
        var literal = new Regex($"\"({string.Join('|', names)})(_p9[059])?\"");

        List<string> found = [.. Lines().Where(l => literal.IsMatch(l.Code)).Select(l => l.File)];

        Assert.Contains("MetricTable.cs", found.Select(Path.GetFileName)); // the search finds what is there
        IEnumerable<string> wrong = found.Where(f => !Owns(f) && !s_exceptions.ContainsKey(Path.GetFileName(f)));
        Assert.Empty(wrong);
        Assert.Empty(s_exceptions.Keys.Except(found.Select(f => Path.GetFileName(f)))); // what is excepted no more is taken off the list
    }

    [Fact]
    public void EveryMetric_IsMeasuredByAnEvaluator()
    {
        string evaluators = string.Concat(
            Directory.EnumerateFiles(Path.Combine(s_sources, "QuantBench.Inference", "Evaluators"), "*.cs").Select(File.ReadAllText));

        Assert.All(MetricTable.All, m => Assert.Contains($"\"{m.Name}\"", evaluators, StringComparison.Ordinal));
    }

    [Fact]
    public void Sources_CiteNoDocumentOutsideTheRepository() =>
        Assert.All(
            Directory.EnumerateFiles(s_sources, "*", SearchOption.AllDirectories)
                .Where(f => Path.GetExtension(f) is ".cs" or ".razor" or ".css" or ".js" && !IsBuilt(f)),
            f => Assert.False(Regex.IsMatch(File.ReadAllText(f), @"\b(DESIGN|STYLE)\b|§"), f));

    private static bool Owns(string file) =>
        file.StartsWith("QuantBench.Core/Metrics/", StringComparison.Ordinal)
        || file.StartsWith("QuantBench.Core/Workloads/", StringComparison.Ordinal)
        || file.StartsWith("QuantBench.Inference/Evaluators/", StringComparison.Ordinal);

    private static bool IsBuilt(string file) => Regex.IsMatch(file, @"[\\/](obj|bin)[\\/]");

    private static IEnumerable<(string File, string Code)> Lines() =>
        from file in Directory.EnumerateFiles(s_sources, "*", SearchOption.AllDirectories)
        where Path.GetExtension(file) is ".cs" or ".razor" && !IsBuilt(file)
        from line in File.ReadLines(file)
        where !line.TrimStart().StartsWith("//", StringComparison.Ordinal)
        select (Path.GetRelativePath(s_sources, file).Replace('\\', '/'), line);
}
