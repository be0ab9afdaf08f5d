using QuantBench.Results.Store;

namespace QuantBench.Results.Tests.Store;

public sealed class DatabaseHomeTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("quantbench-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Of_IsTheRoot_WhereItCanBeWritten_AndLeavesNothing()
    {
        Assert.Equal(_root.FullName, DatabaseHome.Of(_root.FullName));
        Assert.False(DatabaseHome.IsReaders(_root.FullName));
        Assert.Empty(_root.EnumerateFileSystemInfos());
    }

    [Fact]
    public void Of_IsTheRoot_WhereThereIsNoneYet()
    {
        string missing = Path.Combine(_root.FullName, "results");

        Assert.Equal(missing, DatabaseHome.Of(missing));
        Assert.False(Directory.Exists(missing));
    }
}
