using System.Collections.Immutable;
using QuantBench.Core.Errors;
using QuantBench.Results.Folders;
using QuantBench.SampleData;

namespace QuantBench.Results.Tests.Folders;

public sealed class RunCatalogTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public RunCatalogTests()
    {
        RunFolder.Create(_root.Path, SampleRun.Info("20261122-221000-reference-aaaa")).Dispose();
        RunFolder.Create(_root.Path, SampleRun.Info("20261122-231000-reference-bbbb", 60)).Dispose();
        Directory.CreateDirectory(_root["broken/logs"]);
        File.WriteAllText(_root["broken/run.json"], "{");
        Directory.CreateDirectory(_root["unrelated"]);
        File.WriteAllText(_root["README.md"], "results");
    }

    public void Dispose() => _root.Dispose();

    [Fact]
    public void List_GivesNewestFirst_AndBrokenOnesWithTheirProblem()
    {
        ImmutableArray<RunEntry> all = new RunCatalog(_root.Path).List();

        Assert.Equal(["20261122-231000-reference-bbbb", "20261122-221000-reference-aaaa", "broken"], all.Select(e => e.Id));
        Assert.NotNull(all[2].Problem);
        Assert.Null(all[2].Info);
    }

    [Fact]
    public void List_IsEmpty_WhenThereIsNoFolder() => Assert.Empty(new RunCatalog(_root["nowhere"]).List());

    [Theory]
    [InlineData("latest", "20261122-231000-reference-bbbb")]
    [InlineData("20261122-221000-reference-aaaa", "20261122-221000-reference-aaaa")]
    [InlineData("20261122-22", "20261122-221000-reference-aaaa")]
    public void Find_GivesTheRun_WhenItIsNamed(string text, string id) => Assert.Equal(id, new RunCatalog(_root.Path).Find(text).Id);

    [Fact]
    public void Find_TakesAPath()
    {
        var elsewhere = new RunCatalog(_root["nowhere"]);

        Assert.Equal("20261122-221000-reference-aaaa", elsewhere.Find(_root["20261122-221000-reference-aaaa"]).Id);
        Assert.Equal("20261122-221000-reference-aaaa", elsewhere.Find(_root["20261122-221000-reference-aaaa/run.json"]).Id);
    }

    [Theory]
    [InlineData("2026")] // fits two
    [InlineData("zzz")]
    [InlineData("../etc")]
    public void Find_Throws_WhenThereIsNotOne(string text) => Assert.Throws<RequestException>(() => new RunCatalog(_root.Path).Find(text));
}
