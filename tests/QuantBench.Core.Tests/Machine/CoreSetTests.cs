using QuantBench.Core.Errors;
using QuantBench.Core.Machine;

namespace QuantBench.Core.Tests.Machine;

public sealed class CoreSetTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qb-cores").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("0", new[] { 0 })]
    [InlineData("0-3,6", new[] { 0, 1, 2, 3, 6 })]
    [InlineData("6,0-1,1", new[] { 0, 1, 6 })]
    public void List_ReadsTheKernelsForm(string text, int[] cores) => Assert.Equal(cores, CoreSet.List(text)!.Value);

    [Theory]
    [InlineData("3-1")]
    [InlineData("1-2-3")]
    [InlineData("a")]
    [InlineData("0,")]
    [InlineData("-1")]
    [InlineData("0-9999999")]
    [InlineData("numa:")]
    [InlineData("numa:x")]
    [InlineData("fast")]
    public void Problem_OfWhatNamesNoCores(string text) => Assert.NotNull(CoreSet.Problem(text));

    [Fact]
    public void Of_KnowsNodes_AndKindsOfCores()
    {
        Write("sys/devices/system/node/node1/cpulist", "4-7");
        Write("sys/devices/system/cpu/cpu0/cpu_capacity", "446");
        Write("sys/devices/system/cpu/cpu1/cpu_capacity", "1024");
        Write("sys/devices/system/cpu/cpu2/cpu_capacity", "1024");

        Assert.Equal([4, 5, 6, 7], CoreSet.Of("numa:1", _root).ToArray());
        Assert.Equal([1, 2], CoreSet.Of("performance", _root).ToArray());
        Assert.Equal([0], CoreSet.Of("efficiency", _root).ToArray());
        Assert.Throws<UnsupportedException>(() => CoreSet.Of("numa:0", _root));

        Write("sys/devices/cpu_core/cpus", "0-7");
        Write("sys/devices/cpu_atom/cpus", "8-15");

        Assert.Equal(Enumerable.Range(0, 8), CoreSet.Of("performance", _root).ToArray());
        Assert.Equal(Enumerable.Range(8, 8), CoreSet.Of("efficiency", _root).ToArray());
    }

    [Fact]
    public void Of_CoresOfOneKind_IsUnsupported()
    {
        Write("sys/devices/system/cpu/cpu0/cpu_capacity", "1024");
        Write("sys/devices/system/cpu/cpu1/cpu_capacity", "1024");

        Assert.Throws<UnsupportedException>(() => CoreSet.Of("efficiency", _root));
    }

    [Fact]
    public void Read_TellsWhatThreadsAreAllowed()
    {
        Write("proc/self/task/1/status", "Name:\tx\nCpus_allowed_list:\t0-1\n");
        Write("proc/self/task/1/stat", "1 (a b) R 0 0 0 0 0 0 0 0 0 0 1 1 0 0 20 -5 3");

        Assert.Equal(("0-1", "-5"), CorePlacement.Read(_root));
        Assert.Equal(CorePlacement.NotKnown, CorePlacement.Read(Path.Combine(_root, "nothing")).Cores);
    }

    private void Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!); // has a parent
        File.WriteAllText(full, text + "\n");
    }
}
